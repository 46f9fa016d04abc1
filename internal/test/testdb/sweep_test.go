package testdb

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// TestSweep checks that the folder of an ended process is removed and that of a
// running one kept.
func TestSweep(t *testing.T) {
	t.Parallel()
	ended := exec.CommandContext(t.Context(), "true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	for pid, stays := range map[int]bool{ended.Process.Pid: false, os.Getpid(): true} {
		dir := filepath.Join(base, folderName+strconv.Itoa(pid)+"-1")
		if err := os.MkdirAll(filepath.Join(dir, "postgres"), 0o700); err != nil {
			t.Fatal(err)
		}
		sweep(base)
		_, err := os.Stat(dir)
		if gone := errors.Is(err, os.ErrNotExist); gone == stays {
			t.Errorf("%s: removed is %v, want %v", dir, gone, !stays)
		}
	}
}
