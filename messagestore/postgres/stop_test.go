package postgres

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/contract"
	"videotutorials/internal/testdb"
	"videotutorials/messagestore"
)

// A store that is told to stop does, also while Postgres does not answer a write.
func TestRun_StopsWhileAWriteHangs(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", Migrate)
	store, err := Open(t.Context(), url, Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	t.Cleanup(stop)
	write := func() error {
		_, err := store.Write(t.Context(), "a-1", messagestore.Any, messagestore.NewMessage{ID: contract.NewID(), Type: "Happened", Data: "{}"})
		return err
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	thaw := freeze(t, url)
	answer := make(chan error, 1)
	go func() { answer <- write() }()
	for store.writer.stuck() == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	select {
	case err := <-done:
		var away *messagestore.UnavailableError
		if answered := <-answer; err != nil || !errors.As(answered, &away) {
			t.Errorf("run: %v, the write: %v", err, answered)
		}
	case <-time.After(drainFor + 10*time.Second):
		t.Error("the store does not stop")
		thaw()
		t.Log(<-done)
	}
}

// freeze stops the process of Postgres that serves the writer, as a machine that
// hangs would, until the test's end or thaw.
func freeze(t *testing.T, url string) (thaw func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // it has done its work
	var pid int
	err = conn.QueryRow(t.Context(), `
		select pid from pg_stat_activity
		 where datname = current_database() and query like '%message_store.append(%' and pid <> pg_backend_pid()`).Scan(&pid)
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Signal(syscall.SIGSTOP)
	}
	if err != nil {
		t.Fatal(err)
	}
	thaw = func() { _ = process.Signal(syscall.SIGCONT) }
	t.Cleanup(thaw)
	return thaw
}
