package main

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// TestFolder_Lock: what one that was killed has left names processes that are not
// ours by now. The classical version is not of the folder's parts, and may run.
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
			t.Errorf("%s runs as %s, %v", name, pid, err)
		}
	}
	if pid, err := os.ReadFile(f.pid("mvc")); string(pid) != "1\n" {
		t.Errorf("mvc: %q, %v", pid, err)
	}
	if pid := f.holder(); pid != os.Getpid() {
		t.Errorf("%d holds the folder, not this process", pid)
	}
}
