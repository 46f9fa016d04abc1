// Package testsystem gives tests a whole running system: videotutorials, built
// from the tree, with all its processes.
package testsystem

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"videotutorials/internal/test/testdb"
)

// Patient bounds each wait for something that has to come.
const Patient = time.Minute

// A System is one that runs.
type System struct {
	t testing.TB
	// folder has the commands in .bin, and the data.
	folder      string
	environment []string
}

// Start builds the commands, with those flags of go build, and returns the
// system when it is ready. It ends with the test.
func Start(t testing.TB, flags ...string) *System {
	t.Helper()
	folder := testdb.Folder(t)
	build := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"build", "-o", filepath.Join(folder, ".bin") + "/"}, flags, []string{"videotutorials/cmd/..."})...)
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the commands: %v\n%s", err, said)
	}
	environment := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "VT_") })
	s := &System{t, folder, append(environment, "VT_PORT=0", "VT_DATA_DIR="+filepath.Join(folder, "data"))}
	s.start()
	return s
}

func (s *System) start() {
	s.t.Helper()
	system := exec.Command(filepath.Join(s.folder, ".bin", "videotutorials")) //nolint:noctx // a signal ends it
	system.Dir, system.Env, system.Stderr = s.folder, s.environment, s.t.Output()
	said, err := system.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := system.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = system.Process.Signal(syscall.SIGTERM)
		if err := system.Wait(); err != nil {
			s.t.Errorf("the system: %v", err)
		}
	})
	giveUp := time.AfterFunc(Patient, func() { _ = system.Process.Kill() })
	defer giveUp.Stop()
	if lines := bufio.NewScanner(said); !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready") {
		s.t.Fatalf("it said %q, want it ready", lines.Text())
	}
}

// Shell runs commands of bash in a folder with the built commands in .bin, as in
// the project's, and returns what they say. The test fails if one of them does,
// or if they take longer than Patient.
func (s *System) Shell(commands string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), Patient)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = s.folder, s.environment
	said, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v in:\n%s\n%s", err, commands, said)
	}
	return string(said)
}
