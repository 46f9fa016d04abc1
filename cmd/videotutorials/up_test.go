package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/pgserver"
	"videotutorials/internal/test/testdb"
)

// A posted viewing is on the home page.
func TestUp(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	s.view()
	s.shows("1")
	pids := s.pids()
	if len(pids) != len(own)+1 { // and Postgres
		t.Errorf("the processes are %v", pids)
	}

	t.Run("SecondStart", func(t *testing.T) {
		code, output := finish(t, command(s.data, nil))
		if want := fmt.Sprintf("already running (pid %d)", s.cmd.Process.Pid); code != 1 || !strings.Contains(output, want) {
			t.Errorf("exit code %d, output %q, want %q", code, output, want)
		}
	})
	t.Run("Env", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `eval "$("$0" env)"; echo "$VT_HTTP_URL"; echo "$VT_PSQL_MESSAGESTORE"; ls "$VT_CA" "$VT_CERT" "$VT_KEY"`,
			filepath.Join(binaries, "videotutorials"))
		cmd.Env = command(s.data, nil).Env
		code, output := finish(t, cmd)
		lines := strings.Split(output, "\n")
		if code != 0 || lines[0] != s.url {
			t.Fatalf("exit code %d, output %q", code, output)
		}
		// The writer comes from the certificate of the application.
		const written = "select count(*) from message_store.messages where writer = 'spiffe://videotutorials/application'"
		if n := count(t, lines[1], written); n != 1 {
			t.Errorf("%d messages are stored by the application, want 1", n)
		}
	})
	t.Run("Signal", func(t *testing.T) {
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("videotutorials ended with %v", err)
		}
		for name, pid := range pids {
			if alive(pid) {
				t.Errorf("%s still runs", name)
			}
		}
	})
	t.Run("EnvAfterwards", func(t *testing.T) {
		code, output := finish(t, command(s.data, nil, "env"))
		if code != 1 || !strings.Contains(output, "nothing runs") {
			t.Errorf("exit code %d, output %q", code, output)
		}
	})
}

func TestUp_Restarts(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	viewings := 0
	for name := range s.pids() {
		old := s.pids()[name]
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.until(name+" runs again", func() bool {
			now := s.pids()[name]
			return now != 0 && now != old
		})
		s.view()
		viewings++
		s.shows(fmt.Sprint(viewings))
	}
}

func TestUp_StartAfterKill(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	s.view()
	s.shows("1")
	pids := s.pids()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	port := s.url[strings.LastIndexByte(s.url, ':')+1:]
	again := start(t, s.data, []string{"VT_PORT=" + port})
	for name, pid := range pids {
		if alive(pid) {
			t.Errorf("the old %s still runs", name)
		}
	}
	again.shows("1")
	again.view()
	again.shows("2")
}

func TestUp_ExternalPostgres(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Config{
		Dir: filepath.Join(testdb.Folder(t), "postgres"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	s := start(t, newFolder(t), []string{"VT_DATABASE_URL=" + server.URL("not_there")})
	s.view()
	s.shows("1")
	if n := count(t, server.URL(messageStoreDatabase), "select count(*) from message_store.messages"); n != 1 {
		t.Errorf("%d messages are stored, want 1", n)
	}
	if _, private := s.pids()["postgres"]; private {
		t.Error("a private Postgres runs")
	}
}

func TestUp_Only(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil, "up", "-only", "messagestore")
	pids := s.pids()
	if len(pids) != 2 || pids["messagestore"] == 0 || pids["postgres"] == 0 {
		t.Errorf("the processes are %v", pids)
	}
	one := start(t, newFolder(t), nil, "-only", "messagestore,identity,sendemail")
	output, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", one.pids()["components"]))
	if err != nil || !strings.Contains(string(output), "-only\x00identity,sendemail\x00") {
		t.Errorf("the components are %q, %v", output, err)
	}
	if code, output := finish(t, command(newFolder(t), nil, "-only", "dancing")); code != 2 {
		t.Errorf("an unknown part: exit code %d, output %q", code, output)
	}
}

// finish runs the command and returns its exit code and its output.
func finish(t *testing.T, cmd *exec.Cmd) (int, string) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), output.String()
}

func count(t *testing.T, url, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A setting that a part would reject is rejected at the start, before the data folder
// is created.
func TestUp_Check(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"VT_MAX_VIDEO_MIB": "0", "VT_PUBLIC_URL": "localhost:8080", "VT_MAIL_FROM": "nobody", "VT_SMTP_URL": "mail.test",
	} {
		data := folder(filepath.Join(t.TempDir(), "data"))
		code, output := finish(t, command(data, []string{name + "=" + value}))
		if code != 2 || !strings.Contains(output, name) {
			t.Errorf("%s: exit code %d, output %q", name, code, output)
		}
		if _, err := os.Stat(string(data)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the data folder: %v", name, err)
		}
	}
}

// renew checks the certificates daily, and soon again after an error, which may have
// left a key without its certificate.
func TestRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		var calls []time.Duration
		ctx, stop := context.WithTimeout(t.Context(), 5*day+time.Hour)
		defer stop()
		begun := time.Now()
		renew(ctx, func() error {
			calls = append(calls, time.Since(begun))
			if len(calls) == 3 || len(calls) == 4 {
				return errors.New("the disk is full")
			}
			return nil
		}, slog.New(slog.DiscardHandler))
		again := 3*day + 2*renewRetry
		if want := []time.Duration{day, 2 * day, 3 * day, 3*day + renewRetry, again, again + day, again + 2*day}; !slices.Equal(calls, want) {
			t.Errorf("called after %v, want %v", calls, want)
		}
	})
}
