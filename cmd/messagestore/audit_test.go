package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/internal/service"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/audit"
	"videotutorials/viewdata"
)

// TestAudit checks the exit codes and the output for a clean and a damaged log.
func TestAudit(t *testing.T) {
	t.Parallel()
	const self = "spiffe://videotutorials/messagestore"
	store, url := teststore.Open(t)
	for range 3 {
		if _, err := store.Write(t.Context(), "a-1", messagestore.Any, messagestore.NewMessage{ID: uuid.NewString(), Type: "Happened", Data: "{}"}); err != nil {
			t.Fatal(err)
		}
	}
	views := testdb.New(t, "view_data", viewdata.Migrate)

	code, printed, logged := auditOf(t.Context(), auditLog{Database: url, Views: views, Self: self})
	if code != 0 || printed != "" || !strings.Contains(logged, "msg=audited damage=0 messages=3 streams=1 head=3 anonymous=3 duration=") {
		t.Errorf("clean: exit code %d, %q, %q", code, printed, logged)
	}

	execute(t, url, "delete from message_store.messages where global_position = 2")
	execute(t, views, "insert into consumer_positions values ('view', 9)")
	code, printed, logged = auditOf(t.Context(), auditLog{Database: url, Self: self})
	if code != 1 || printed != "missing $all 2\nmissing a-1 1\n" || !strings.Contains(logged, "damage=2") {
		t.Errorf("damaged: exit code %d, %q, %q", code, printed, logged)
	}
	code, printed, _ = auditOf(t.Context(), auditLog{Database: url, Views: views, Self: self, JSON: true})
	var lines []audit.Damage
	for decoder := json.NewDecoder(strings.NewReader(printed)); decoder.More(); {
		var line audit.Damage
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if code != 1 || len(lines) != 3 || lines[1].Stream != "consumer_positions/view" || lines[1].Kind != audit.CheckpointAhead ||
		!strings.Contains(printed, `{"kind":"missing","stream_name":"a-1","position":1,"last_position":1}`) {
		t.Errorf("as JSON: exit code %d, %s", code, printed)
	}

	ended, end := context.WithCancel(t.Context())
	end()
	for name, test := range map[string]struct {
		ctx   context.Context
		audit auditLog
	}{
		"NoServer": {t.Context(), auditLog{Database: "postgres:///x?host=/nowhere", Self: self}},
		"NoTable":  {t.Context(), auditLog{Database: views, Self: self}},
		"NoViews":  {t.Context(), auditLog{Database: url, Views: url, Self: self}},
		"Ended":    {ended, auditLog{Database: url, Self: self}},
		"NoURL":    {t.Context(), auditLog{Self: self}},
		"NoSelf":   {t.Context(), auditLog{Database: url}},
	} {
		if code, printed, logged := auditOf(test.ctx, test.audit); code != 2 || printed != "" || logged != "" {
			t.Errorf("%s: exit code %d, want 2, %q, %q", name, code, printed, logged)
		}
	}
}

// auditOf returns the exit code, the output and the log.
func auditOf(ctx context.Context, a auditLog) (int, string, string) {
	var printed, logged bytes.Buffer
	a.out = &printed
	err := a.run(ctx, slog.New(slog.NewTextHandler(&logged, nil)), nil)
	var exit *service.ExitError
	var usage *service.UsageError
	code := 0
	switch {
	case errors.As(err, &exit):
		code = exit.Code
	case errors.As(err, &usage):
		code = 2
	case err != nil:
		code = 1
	}
	return code, printed.String(), logged.String()
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
