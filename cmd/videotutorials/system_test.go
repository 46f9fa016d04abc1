package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	testbinaries "videotutorials/internal/test/binaries"
	"videotutorials/internal/test/testdb"
)

// The numbers of TestFlow01 to TestFlow13 order the flows of the system: 1 viewing,
// 2 registration, 3 mails of other origins, 4 log-in, 5 publishing, 6 naming,
// 7 describing, 8 administration, 9 debugging drill, 10 autonomy drill, 11 rebuild,
// 12 several instances, 13 the classical version.

// binaries is the folder with the commands, built for this run of the tests.
var binaries string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "videotutorials-bin-")
	if err == nil {
		err = testbinaries.Build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the commands:", err)
		os.Exit(1)
	}
	binaries = dir
	setParallel()
	code := m.Run()
	_ = os.RemoveAll(dir)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// setParallel runs four tests at the same time unless the flag -parallel is set: they
// wait for processes most of the time.
func setParallel() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "4") // the value is valid
	}
}

// waitLimit bounds each wait for a condition.
const waitLimit = 90 * time.Second

// A system is a running videotutorials.
type system struct {
	t    *testing.T
	data folder
	cmd  *exec.Cmd
	// url is the address of REST; viewing and home are the URLs that it printed.
	url, viewing, home string
}

// command returns videotutorials on the data folder.
func command(data folder, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(binaries, "videotutorials"), args...) //nolint:noctx // each test ends it
	cmd.Env = append(foreign(os.Environ()), "VT_PORT=0", "VT_DATA_DIR="+string(data))
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// start starts videotutorials and returns when it is ready.
func start(t *testing.T, data folder, env []string, args ...string) *system {
	t.Helper()
	s := &system{t: t, data: data, cmd: command(data, env, args...)}
	s.cmd.Stderr = t.Output()
	output, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill(); s.checkLogs() })
	killTimer := time.AfterFunc(waitLimit, func() { _ = s.cmd.Process.Kill() })
	defer killTimer.Stop()
	lines := bufio.NewScanner(output)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready") {
		s.logs()
		t.Fatalf("output %q, want ready", lines.Text())
	}
	if strings.HasPrefix(lines.Text(), "ready:") && lines.Scan() {
		s.viewing = strings.TrimPrefix(lines.Text(), "  curl -X POST ")
		s.url, _, _ = strings.Cut(s.viewing, "/v1/")
		lines.Scan()
		s.home = strings.TrimPrefix(lines.Text(), "  curl ")
	}
	return s
}

// logs adds the logs of the parts to the output of a failed test.
func (s *system) logs() {
	paths, _ := filepath.Glob(s.data.log("*"))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		s.t.Logf("%s: %v\n%s", path, err, text)
	}
}

// checkLogs checks that a log has no lines without the format of the logger, as of a
// panic or of a library.
func (s *system) checkLogs() {
	for _, p := range own {
		text, err := os.ReadFile(s.data.log(p.name))
		if err != nil {
			continue // the part was not started
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "time=") && !strings.HasPrefix(line, "{") {
				s.t.Errorf("the log of %s has %q", p.name, line)
			}
		}
	}
}

// kill kills videotutorials, and returns when all its processes have ended.
func (s *system) kill() {
	pids := s.pids()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	for name, pid := range pids {
		s.until(name+" has ended", func() bool { return !alive(pid) })
	}
}

// pids returns the pids of the running processes by name, with postgres.
func (s *system) pids() map[string]int {
	pids := map[string]int{"postgres": pidIn(filepath.Join(s.data.postgres(), "postmaster.pid"))}
	for _, p := range own {
		pids[p.name] = pidIn(s.data.pid(p.name))
	}
	for name, pid := range pids {
		if !alive(pid) {
			delete(pids, name)
		}
	}
	return pids
}

// alive reports whether the process runs. A zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// until waits until the condition is true, and fails the test after waitLimit.
func (s *system) until(what string, done func() bool) {
	s.t.Helper()
	s.within(waitLimit, what, done)
}

// within is until with another limit.
func (s *system) within(limit time.Duration, what string, done func() bool) {
	s.t.Helper()
	if !eventually(limit, done) {
		s.logs()
		s.t.Fatalf("not within %v: %s", limit, what)
	}
}

// eventually reports whether the condition is true before the limit.
func eventually(limit time.Duration, done func() bool) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(limit); !done(); <-ticker.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// stop stops videotutorials with SIGTERM, and returns when it has drained.
func (s *system) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.logs()
		s.t.Fatalf("videotutorials ended with %v", err)
	}
}

func newFolder(t *testing.T) folder { return folder(filepath.Join(testdb.Folder(t), "data")) }
