package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

// TestRun_StopsWhileAWriteHangs checks that Run returns although Postgres does not answer
// a write.
func TestRun_StopsWhileAWriteHangs(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", postgres.Migrate)
	store, err := postgres.Open(t.Context(), url, postgres.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	t.Cleanup(stop)
	write(t, store, "a-1", newMessage("Happened"))
	// Simulates a hanging machine.
	backend, err := os.FindProcess(store.WriterPID())
	if err == nil {
		err = backend.Signal(syscall.SIGSTOP)
	}
	if err != nil {
		t.Fatal(err)
	}
	thaw := func() { _ = backend.Signal(syscall.SIGCONT) }
	t.Cleanup(thaw)
	answer := make(chan error, 1)
	go func() {
		_, err := store.Write(t.Context(), "a-1", messagestore.Any, newMessage("Happened"))
		answer <- err
	}()
	running.Until(t, "the write hangs", store.Writing)
	stop()
	select {
	case err := <-done:
		var away *messagestore.UnavailableError
		if answered := <-answer; err != nil || !errors.As(answered, &away) {
			t.Errorf("run: %v, the write: %v", err, answered)
		}
	case <-time.After(postgres.DrainTimeout + 10*time.Second):
		t.Error("the store does not stop")
		thaw()
		t.Log(<-done)
	}
}
