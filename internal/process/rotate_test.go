package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Rotate copies a full log to .1 and truncates it, and tries again after an error.
func TestRotate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	program, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close() //nolint:errcheck // the file is checked by os.Stat
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go Rotate(ctx, path)
		expect := func(what, name string, want int64) {
			t.Helper()
			time.Sleep(rotateInterval + time.Second)
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

// If the copy fails because the disk is full, rotate removes it and keeps the log.
func TestRotate_FullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, make([]byte, fullLog), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := rotate(path); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("rotate: %v, want ENOSPC", err)
	}
	if _, err := os.Lstat(path + ".1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the partial copy: %v, want none", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != fullLog {
		t.Errorf("the log: %v, %v", info, err)
	}
	program := Program{Path: "/bin/true", Log: path, PIDFile: path + ".pid"}
	if err := os.Symlink("/dev/full", path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := program.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 0") {
		t.Errorf("a program whose log is full: %v", err)
	}
}
