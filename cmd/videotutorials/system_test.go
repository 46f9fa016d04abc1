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

// binaries has the commands, built for this run of the tests.
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
	runAtOnce()
	code := m.Run()
	_ = os.RemoveAll(dir)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runAtOnce lets four tests run at the same time, unless -parallel says how many:
// they wait for processes and for pauses most of the time.
func runAtOnce() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", "4") // it is a number
	}
}

// patient bounds each wait for something that has to come.
const patient = 90 * time.Second

// A system is a running videotutorials.
type system struct {
	t    *testing.T
	data folder
	cmd  *exec.Cmd
	// url is where REST is; viewing and home are what it printed to try.
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
	said, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill(); s.logsAreLogs() })
	giveUp := time.AfterFunc(patient, func() { _ = s.cmd.Process.Kill() })
	defer giveUp.Stop()
	lines := bufio.NewScanner(said)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready") {
		s.logs()
		t.Fatalf("it said %q, want it ready", lines.Text())
	}
	if strings.HasPrefix(lines.Text(), "ready:") && lines.Scan() {
		s.viewing = strings.TrimPrefix(lines.Text(), "  curl -X POST ")
		s.url, _, _ = strings.Cut(s.viewing, "/v1/")
		lines.Scan()
		s.home = strings.TrimPrefix(lines.Text(), "  curl ")
	}
	return s
}

// logs shows the parts' logs with a test that fails.
func (s *system) logs() {
	paths, _ := filepath.Glob(s.data.log("*"))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		s.t.Logf("%s: %v\n%s", path, err, text)
	}
}

// logsAreLogs finds what a part has written to its log without its logger, as a
// panic, or a library's own words.
func (s *system) logsAreLogs() {
	for _, p := range own {
		text, err := os.ReadFile(s.data.log(p.name))
		if err != nil {
			continue // it was never started
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "time=") && !strings.HasPrefix(line, "{") {
				s.t.Errorf("the log of %s has %q", p.name, line)
			}
		}
	}
}

// kill ends it at once, and returns when none of its processes is left.
func (s *system) kill() {
	pids := s.pids()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	for name, pid := range pids {
		s.until(name+" has ended", func() bool { return !alive(pid) })
	}
}

// pids returns the processes that run, by name, postgres among them.
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

// alive says whether the process runs. One that has ended and that nobody has
// waited for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// until waits for what has to come.
func (s *system) until(what string, come func() bool) {
	s.t.Helper()
	s.within(patient, what, come)
}

// within is until for what takes its time.
func (s *system) within(limit time.Duration, what string, come func() bool) {
	s.t.Helper()
	if !comes(limit, come) {
		s.logs()
		s.t.Fatalf("waited %v in vain: %s", limit, what)
	}
}

// comes reports whether it comes before the limit.
func comes(limit time.Duration, come func() bool) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(limit); !come(); <-ticker.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// stop ends it as a person does, and returns when it has drained.
func (s *system) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.logs()
		s.t.Fatalf("it ended with %v", err)
	}
}

func newFolder(t *testing.T) folder { return folder(filepath.Join(testdb.Folder(t), "data")) }
