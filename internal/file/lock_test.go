package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func try(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := TryLock(path, os.O_CREATE|os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTryLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	file := try(t, path)
	if _, err := TryLock(path, os.O_RDONLY); !errors.Is(err, ErrLocked) {
		t.Errorf("the second one: got %v, want ErrLocked", err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	_ = try(t, path).Close()
}

// TestUnlock: whoever has the open file, too, holds nothing after it.
func TestUnlock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	file := try(t, path)
	childs, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(childs) //nolint:errcheck // the test is over
	if err := Unlock(file); err != nil {
		t.Fatal(err)
	}
	_ = try(t, path).Close()
}

func TestTryLock_Folder(t *testing.T) {
	t.Parallel()
	file, err := TryLock(t.TempDir(), os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	file := try(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, path, os.O_RDONLY); !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want ErrLocked and the context's", err)
	}
	got := make(chan error, 1)
	go func() {
		file, err := Lock(t.Context(), path, os.O_RDONLY)
		if err == nil {
			err = file.Close()
		}
		got <- err
	}()
	_ = file.Close()
	if err := <-got; err != nil {
		t.Errorf("after it was let go: %v", err)
	}
}
