// Package testsystem runs the whole system in a test: videotutorials and the
// processes it starts, built from the tree.
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

	"videotutorials/internal/test/binaries"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
)

// A System is a running system.
type System struct {
	t testing.TB
	// folder has the commands in .bin and the data folder in data.
	folder      string
	environment []string
}

// Start builds the commands, passing flags to go build, and starts the system
// with the settings in env, as VT_WITH=program, on ports and a data folder of its
// own. It returns when the system is ready.
// The system stops when the test ends.
func Start(t testing.TB, env []string, flags ...string) *System {
	t.Helper()
	folder := testdb.Folder(t)
	programs := filepath.Join(folder, ".bin")
	if err := os.Mkdir(programs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := binaries.Build(t.Context(), programs, flags...); err != nil {
		t.Fatal(err)
	}
	environment := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "VT_") })
	s := &System{t, folder, slices.Concat(environment, env, []string{"VT_PORT=0", "VT_DATA_DIR=" + filepath.Join(folder, "data")})}
	s.start()
	return s
}

func (s *System) start() {
	s.t.Helper()
	system := exec.Command(filepath.Join(s.folder, ".bin", "videotutorials")) //nolint:noctx // stopped by a signal
	system.Dir, system.Env, system.Stderr = s.folder, s.environment, s.t.Output()
	output, err := system.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := system.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = system.Process.Signal(syscall.SIGTERM)
		if err := system.Wait(); err != nil {
			s.t.Errorf("stop the system: %v", err)
		}
	})
	kill := time.AfterFunc(running.Patience, func() { _ = system.Process.Kill() })
	defer kill.Stop()
	if lines := bufio.NewScanner(output); !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready") {
		s.t.Fatalf("first line of output is %q, want one that starts with ready", lines.Text())
	}
}

// Shell runs bash commands in a folder that, like the repository's root, has the
// commands in .bin, and returns their output. The test fails if a command fails
// or if they take longer than running.Patience.
func (s *System) Shell(commands string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), running.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = s.folder, s.environment
	output, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v in:\n%s\n%s", err, commands, output)
	}
	return string(output)
}
