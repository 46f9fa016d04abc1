package main

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// Lock removes the pid files of a killed videotutorials, whose pids may belong to other
// processes now, but not that of mvc, which may run.
func TestFolder_Lock(t *testing.T) {
	t.Parallel()
	f := folder(t.TempDir())
	if err := f.make(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"aggregators", "messagestore", "mvc"} {
		if err := os.WriteFile(f.pid(name), []byte("1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	held, err := f.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close() //nolint:errcheck // it only unlocks
	for _, name := range []string{"aggregators", "messagestore"} {
		if pid, err := os.ReadFile(f.pid(name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the pid file of %s has %q, %v, want it removed", name, pid, err)
		}
	}
	if pid, err := os.ReadFile(f.pid("mvc")); string(pid) != "1\n" {
		t.Errorf("mvc: %q, %v", pid, err)
	}
	if pid := f.holder(); pid != os.Getpid() {
		t.Errorf("the holder is %d, want this process", pid)
	}
}
