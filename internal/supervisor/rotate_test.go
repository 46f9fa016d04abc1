package supervisor

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestRotate: a program that runs for ever does not fill the disk with its log.
func TestRotate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	program, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close() //nolint:errcheck // it is looked at
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go Rotate(ctx, path)
		expect := func(what, name string, want int64) {
			t.Helper()
			time.Sleep(rotateEvery + time.Second)
			synctest.Wait()
			if info, err := os.Stat(name); err != nil || info.Size() != want {
				t.Errorf("%s: %v, %v; want %d bytes", what, info, err, want)
			}
		}
		write := func(bytes int) {
			t.Helper()
			if _, err := program.Write(make([]byte, bytes)); err != nil {
				t.Fatal(err)
			}
		}
		write(fullLog - 1)
		expect("not full", path, fullLog-1)
		write(7)
		expect("full", path, 0)
		expect("put aside", path+".1", fullLog+6)
		write(5)
		expect("goes on", path, 5)
		if err := os.Remove(path + ".1"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path+".1", 0o700); err != nil {
			t.Fatal(err)
		}
		write(fullLog)
		expect("cannot be put aside", path, fullLog+5)
		if err := os.Remove(path + ".1"); err != nil {
			t.Fatal(err)
		}
		expect("can again", path, 0)
	})
}
