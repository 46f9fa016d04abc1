package testdb

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// The folder of a test binary that was killed goes, that of a running one stays.
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
			t.Errorf("%s: gone is %v, want %v", dir, gone, !stays)
		}
	}
}
