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
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/pgserver"
	"videotutorials/internal/test/testdb"
)

// The main job: a viewing that is posted is on the home page.
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
		code, said := finish(t, command(s.data, nil))
		if want := fmt.Sprintf("already running (pid %d)", s.cmd.Process.Pid); code != 1 || !strings.Contains(said, want) {
			t.Errorf("exit code %d, said %q, want %q", code, said, want)
		}
	})
	t.Run("Env", func(t *testing.T) {
		// A shell reads it.
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `eval "$("$0" env)"; echo "$VT_HTTP_URL"; echo "$VT_PSQL_MESSAGESTORE"; ls "$VT_CA" "$VT_CERT" "$VT_KEY"`,
			filepath.Join(binaries, "videotutorials"))
		cmd.Env = command(s.data, nil).Env
		code, said := finish(t, cmd)
		lines := strings.Split(said, "\n")
		if code != 0 || lines[0] != s.url {
			t.Fatalf("exit code %d, said %q", code, said)
		}
		// By the writer it is seen that the parts talk with TLS on both sides.
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
			t.Errorf("it ended with %v", err)
		}
		for name, pid := range pids {
			if alive(pid) {
				t.Errorf("%s is still there", name)
			}
		}
	})
	t.Run("EnvAfterwards", func(t *testing.T) {
		code, said := finish(t, command(s.data, nil, "env"))
		if code != 1 || !strings.Contains(said, "nothing runs") {
			t.Errorf("exit code %d, said %q", code, said)
		}
	})
}

func TestUp_WhatDiesIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	viewings := 0
	for name := range s.pids() {
		old := s.pids()[name]
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.until(name+" is there again", func() bool {
			now := s.pids()[name]
			return now != 0 && now != old
		})
		s.view()
		viewings++
		s.shows(fmt.Sprint(viewings))
	}
}

func TestUp_KilledAndStartedAtOnce(t *testing.T) {
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
			t.Errorf("the old %s is still there", name)
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
		t.Error("there is a private Postgres too")
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
	said, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", one.pids()["components"]))
	if err != nil || !strings.Contains(string(said), "-only\x00identity,sendemail\x00") {
		t.Errorf("the components are %q, %v", said, err)
	}
	if code, said := finish(t, command(newFolder(t), nil, "-only", "dancing")); code != 2 {
		t.Errorf("an unknown part: exit code %d, said %q", code, said)
	}
}

// finish runs a command to its end and returns its exit code and what it said.
func finish(t *testing.T, cmd *exec.Cmd) (int, string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), said.String()
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

// A setting that a part would refuse is refused at the start, and nothing is created.
func TestUp_Check(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"VT_MAX_VIDEO_MIB": "0", "VT_PUBLIC_URL": "localhost:8080", "VT_MAIL_FROM": "nobody", "VT_SMTP_URL": "mail.test",
	} {
		data := folder(filepath.Join(t.TempDir(), "data"))
		code, said := finish(t, command(data, []string{name + "=" + value}))
		if code != 2 || !strings.Contains(said, name) {
			t.Errorf("%s: exit code %d, said %q", name, code, said)
		}
		if _, err := os.Stat(string(data)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the data folder: %v", name, err)
		}
	}
}
