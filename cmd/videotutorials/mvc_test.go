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

// viewOnce posts a viewing of the first video until it is accepted. If an answer is
// lost, the viewing counts twice.
func (s *system) viewOnce() {
	s.t.Helper()
	s.until("mvc accepts a viewing", func() bool {
		status, _ := s.ask(http.MethodPost, s.viewing)
		return status == http.StatusAccepted
	})
}

// mvc returns the pid of the classical version, or 0 if it does not run.
func (s *system) mvc() int {
	if pid := pidIn(s.data.pid("mvc")); alive(pid) {
		return pid
	}
	return 0
}

// Without a running system, mvc starts the private Postgres.
func TestFlow13_MVCAlone(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil, "mvc", "-videos", "5")
	if !strings.Contains(s.viewing, mvc.VideoID(1).String()) {
		t.Errorf("the printed URL is %q", s.viewing)
	}
	s.shows("3")
	s.viewOnce()
	s.shows("4")

	for _, c := range []struct{ arg, want string }{
		{"mvc", "already running"}, {"up", "already running"}, {"env", "mvc alone"},
	} {
		if code, output := finish(t, command(s.data, nil, c.arg)); code != 1 || !strings.Contains(output, c.want) {
			t.Errorf("%s beside mvc: exit code %d, output %q, want %q", c.arg, code, output, c.want)
		}
	}

	for _, pid := range []func() int{s.mvc, func() int { return s.pids()["postgres"] }} {
		old := pid()
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.until("the process runs again", func() bool { now := pid(); return now != 0 && now != old })
		s.shows("4")
	}

	mvc, postgres := s.mvc(), s.pids()["postgres"]
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("videotutorials ended with %v", err)
	}
	if alive(mvc) || alive(postgres) {
		t.Error("mvc or Postgres still runs")
	}

	again := start(t, s.data, nil, "mvc")
	again.viewOnce()
	again.shows("5")
}

// Beside the system mvc uses its Postgres, with a database of its own, and ends with
// the system.
func TestFlow13_MVCBeside(t *testing.T) {
	t.Parallel()
	up := start(t, newFolder(t), nil)
	s := start(t, up.data, nil, "mvc")
	up.view()
	up.shows("1")
	s.viewOnce()
	s.viewOnce()
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
	if code, output := finish(t, command(s.data, nil, "mvc")); code != 1 || !strings.Contains(output, "already running") {
		t.Errorf("a second one: exit code %d, output %q", code, output)
	}

	process := s.mvc()
	if err := up.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = up.cmd.Wait()
	// The next start finds the port free.
	port := up.url[strings.LastIndexByte(up.url, ':')+1:]
	again := start(t, up.data, []string{"VT_PORT=" + port})
	again.shows("1")
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != 1 || alive(process) {
		t.Errorf("exit code %d, want 1; mvc still runs: %v", code, alive(process))
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
	s.viewOnce()
	s.shows("4")
	if n := count(t, server.URL("postgres"), "select count(*) from pg_database where not datistemplate"); n != 2 {
		t.Errorf("there are %d databases, want postgres and mvc", n)
	}
	if _, private := s.pids()["postgres"]; private {
		t.Error("a private Postgres runs")
	}
	if code, output := finish(t, command(newFolder(t), nil, "mvc", "-videos", "-1")); code != 2 || !strings.Contains(output, "videos is -1") {
		t.Errorf("wrong usage: exit code %d, output %q", code, output)
	}
}
