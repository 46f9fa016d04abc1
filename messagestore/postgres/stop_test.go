package postgres

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

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
	// As a machine that hangs would.
	backend, err := os.FindProcess(int(store.writer.conn.PgConn().PID()))
	if err == nil {
		err = backend.Signal(syscall.SIGSTOP)
	}
	if err != nil {
		t.Fatal(err)
	}
	thaw := func() { _ = backend.Signal(syscall.SIGCONT) }
	t.Cleanup(thaw)
	answer := make(chan error, 1)
	go func() { answer <- write() }()
	for begin := time.Now(); store.writer.stuck() == 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("the write does not hang")
		}
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
