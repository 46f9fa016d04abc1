package main

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"videotutorials/internal/pgserver"
	"videotutorials/internal/test/testdb"
	"videotutorials/mvc"
)

// countOne counts a viewing of the first video, and tries again until it is
// acknowledged. One whose answer was lost counts twice: so it is not used where
// something dies.
func (s *system) countOne() {
	s.t.Helper()
	s.until("a viewing is counted", func() bool {
		status, _ := s.ask(http.MethodPost, s.viewing)
		return status == http.StatusAccepted
	})
}

// mvc returns the process of the classical version, 0 while there is none.
func (s *system) mvc() int {
	if pid := pidIn(s.data.pid("mvc")); alive(pid) {
		return pid
	}
	return 0
}

// Where nothing runs, it brings its own Postgres.
func TestFlow13_MVCAlone(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil, "mvc", "-videos", "5")
	if !strings.Contains(s.viewing, mvc.VideoID(1).String()) {
		t.Errorf("it said to post to %q", s.viewing)
	}
	s.shows("3")
	s.countOne()
	s.shows("4")

	for _, c := range []struct{ arg, says string }{
		{"mvc", "already running"}, {"up", "already running"}, {"env", "mvc alone"},
	} {
		if code, said := finish(t, command(s.data, nil, c.arg)); code != 1 || !strings.Contains(said, c.says) {
			t.Errorf("%s beside it: exit code %d, said %q, want %q", c.arg, code, said, c.says)
		}
	}

	// What dies is started again.
	for _, pid := range []func() int{s.mvc, func() int { return s.pids()["postgres"] }} {
		old := pid()
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.until("it is there again", func() bool { now := pid(); return now != 0 && now != old })
		s.shows("4")
	}

	mvc, postgres := s.mvc(), s.pids()["postgres"]
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if alive(mvc) || alive(postgres) {
		t.Error("something is still there")
	}

	again := start(t, s.data, nil, "mvc")
	again.countOne()
	again.shows("5")
}

// Beside the system it is on the same Postgres, shares nothing else, and ends with
// it.
func TestFlow13_MVCBeside(t *testing.T) {
	t.Parallel()
	up := start(t, newFolder(t), nil)
	s := start(t, up.data, nil, "mvc")
	up.view()
	up.shows("1")
	s.countOne()
	s.countOne()
	s.shows("5")
	up.shows("1")
	state, err := readState(up.data)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := provide(t.Context(), state.ViewData, mvcDatabase)
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, beside, "select sum(view_count) from videos"); n != 5 {
		t.Errorf("%d viewings are in the database, want 5", n)
	}
	if code, said := finish(t, command(s.data, nil, "mvc")); code != 1 || !strings.Contains(said, "already running") {
		t.Errorf("a second one: exit code %d, said %q", code, said)
	}

	process := s.mvc()
	if err := up.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = up.cmd.Wait()
	// Its port is free in time for the next start.
	port := up.url[strings.LastIndexByte(up.url, ':')+1:]
	again := start(t, up.data, []string{"VT_PORT=" + port})
	again.shows("1")
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != 1 || alive(process) {
		t.Errorf("it ended with exit code %d, its process is there: %v", code, alive(process))
	}
}

func TestFlow13_MVCExternalPostgres(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Config{
		Dir: filepath.Join(testdb.Folder(t), "postgres"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	s := start(t, newFolder(t), []string{"VT_DATABASE_URL=" + server.URL("not_there")}, "mvc")
	s.countOne()
	s.shows("4")
	if n := count(t, server.URL("postgres"), "select count(*) from pg_database where not datistemplate"); n != 2 {
		t.Errorf("there are %d databases, want postgres and mvc", n)
	}
	if _, private := s.pids()["postgres"]; private {
		t.Error("there is a private Postgres too")
	}
	if code, said := finish(t, command(newFolder(t), nil, "mvc", "-videos", "-1")); code != 2 || !strings.Contains(said, "videos is -1") {
		t.Errorf("wrong usage: exit code %d, said %q", code, said)
	}
}
