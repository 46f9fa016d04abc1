package postgres

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/testdb"
)

// TestPage_RareCategory checks that a rare category is read by its index, even if
// statistics show that the categories are mixed. Otherwise a page would read the whole
// log.
func TestPage_RareCategory(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", Migrate)
	super, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(context.Background()) //nolint:errcheck // the database is dropped
	_, err = super.Exec(t.Context(), `
		insert into message_store.messages (global_position, position, id, stream_name, type, writer, data, metadata)
		select g, g, gen_random_uuid(), case when g % 20000 = 7 then 'rare' else 'common' || g % 8 end || '-' || g, 'Happened', 'test', '{}', '{}'
		  from generate_series(1, 60000) g`)
	if err == nil {
		_, err = super.Exec(t.Context(), "analyze message_store.messages")
	}
	if err != nil {
		t.Fatal(err)
	}
	config, err := readersConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config.ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // it has only read
	for name, page := range map[string]string{
		"forward":  "page(null, '{rare}', 1, null, 60000, false, null, null, null, null, null, 1000, 1000000, 10000)",
		"backward": "page(null, '{rare}', 60000, null, 60000, true, null, null, null, null, null, 1000, 1000000, 10000)",
		"two":      "page(null, '{none,rare}', 1, null, 60000, false, null, null, null, null, null, 1000, 1000000, 10000)",
		"two back": "page(null, '{none,rare}', 60000, null, 60000, true, null, null, null, null, null, 1000, 1000000, 10000)",
	} {
		// The first call reads Postgres's catalog.
		if _, err := conn.Exec(t.Context(), "select * from message_store."+page); err != nil {
			t.Fatal(err)
		}
		var plan []byte
		if err := conn.QueryRow(t.Context(), "explain (analyze, buffers, format json) select * from message_store."+page).Scan(&plan); err != nil {
			t.Fatal(err)
		}
		var explained []struct {
			Plan struct {
				Rows int `json:"Actual Rows"`
				Hit  int `json:"Shared Hit Blocks"`
				Read int `json:"Shared Read Blocks"`
			}
		}
		if err := json.Unmarshal(plan, &explained); err != nil {
			t.Fatal(err)
		}
		p := explained[0].Plan
		if p.Rows != 4 || p.Hit+p.Read > 200 { // three messages and the last row
			t.Errorf("%s: %d rows by %d blocks, want 4 by a few", name, p.Rows, p.Hit+p.Read)
		}
	}
}
