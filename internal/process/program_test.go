package process

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func program(t *testing.T, as string) Program {
	dir := t.TempDir()
	return Program{
		Path:    os.Args[0],
		Env:     append(os.Environ(), role+"="+as),
		Log:     filepath.Join(dir, "program.log"),
		PIDFile: filepath.Join(dir, "program.pid"),
	}
}

func TestKeep_Pauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var pauses []time.Duration
		ended := time.Time{}
		Keep(ctx, slog.New(slog.DiscardHandler), func(context.Context) error {
			if !ended.IsZero() {
				pauses = append(pauses, time.Since(ended))
			}
			switch len(pauses) {
			case 8:
				time.Sleep(steady)
			case 9:
				cancel()
			}
			ended = time.Now()
			return errors.New("gone")
		})
		ms := time.Millisecond
		want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms, 100 * ms}
		if !slices.Equal(pauses, want) {
			t.Errorf("pauses %v, want %v", pauses, want)
		}
	})
}

func TestProgram_EndsByItself(t *testing.T) {
	t.Parallel()
	p := program(t, "fail")
	err := p.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "exit status 3: the disk is gone") {
		t.Errorf("got %v, want its status and last line", err)
	}
	if _, err := os.Stat(p.PIDFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file with the id still exists: %v", err)
	}
}

// The error has the line of the panic, not the end of the stack trace, and not the
// panic of an earlier program in the same log.
func TestProgram_Panics(t *testing.T) {
	t.Parallel()
	p := program(t, "panic")
	if err := p.Run(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "exit status 2: panic: no room") {
		t.Errorf("got %v, want its status and its panic", err)
	}
	p.Env = append(p.Env, role+"=fail")
	if err := p.Run(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "exit status 3: the disk is gone") {
		t.Errorf("got %v, want its status and last line", err)
	}
}

// The error is the signal alone, not the last line of the log.
func TestProgram_Killed(t *testing.T) {
	t.Parallel()
	p := program(t, "kill")
	if err := p.Run(t.Context()); err == nil || err.Error() != "signal: killed" {
		t.Errorf("got %v, want the signal alone", err)
	}
}

func TestProgram_Drains(t *testing.T) {
	t.Parallel()
	p := program(t, "drain")
	// A pipe in the place of the log shows when the program runs.
	if err := syscall.Mkfifo(p.Log, 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(p.Log, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(log)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	if !lines.Scan() || lines.Text() != "up" {
		t.Fatalf("it said %q", lines.Text())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("a drained program is reported: %v", err)
	}
	if !lines.Scan() || lines.Text() != "drained" {
		t.Errorf("it said %q, want it drained", lines.Text())
	}
}

func TestProgram_FullLogIsPutAside(t *testing.T) {
	t.Parallel()
	p := program(t, "fail")
	if err := os.WriteFile(p.Log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.Log, fullLog); err != nil {
		t.Fatal(err)
	}
	_ = p.Run(t.Context())
	for path, want := range map[string]int64{p.Log + ".1": fullLog, p.Log: int64(len("a line\nthe disk is gone\n"))} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() != want {
			t.Errorf("%s has %s bytes, want %d", path, strconv.FormatInt(info.Size(), 10), want)
		}
	}
}
