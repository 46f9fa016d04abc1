package viewdata

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/testdb"
)

const (
	ada   = "00000000-0000-4000-8000-00000000000a"
	trace = "00000000-0000-4000-8000-0000000000ff"
)

// TestMessageFilter_Index asserts that each filter for a rare value in a long log
// uses its index and never scans the table.
func TestMessageFilter_Index(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), testdb.New(t, "view_data", Migrate))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), fmt.Sprintf(`
		insert into admin_messages
		select n, gen_random_uuid(), 'viewing-' || n %% 1000, n, 'viewing', 'VideoViewed', gen_random_uuid(), gen_random_uuid(), now(), '', '{}', '{}'
		from generate_series(2, 20000) n;
		insert into admin_messages values (1, '%[1]s', 'identity-1', 0, 'identity', 'Registered', '%[2]s', '%[1]s', now(), '', '{}', '{}');
		analyze admin_messages`, ada, trace))
	if err != nil {
		t.Fatal(err)
	}
	for index, f := range map[string]MessageFilter{
		"admin_messages_pkey":     {},
		"admin_messages_stream":   {Stream: "identity-1"},
		"admin_messages_category": {Category: "identity"},
		"admin_messages_type":     {Type: "Registered"},
		"admin_messages_trace":    {TraceID: trace},
		"admin_messages_user":     {UserID: ada, Category: "viewing"},
	} {
		sql, args, err := f.query(15_000)
		if err != nil {
			t.Fatal(err)
		}
		rows, _ := conn.Query(t.Context(), "explain "+sql+" limit 51", args...)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if plan := strings.Join(lines, "\n"); err != nil || !strings.Contains(plan, index+" ") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%+v: %v, want index %s in\n%s", f, err, index, plan)
		}
	}
}
