package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"videotutorials/internal/file"
	"videotutorials/internal/process"
)

// A launcher has what one Start needs.
type launcher struct {
	Config
	user account
	bin  binaries
	// handed is set where the user may not enter a folder above the data folder.
	handed bool
	// output is where the server and initdb log; what they said is after said.
	output *os.File
	said   int64
}

func newLauncher(c Config) (*launcher, error) {
	user, err := serverUser()
	if err != nil {
		return nil, err
	}
	barred := user.mayEnter(filepath.Dir(c.Dir))
	if _, err := os.Stat(openFiles); barred != nil && err != nil {
		return nil, barred
	}
	output, err := os.OpenFile(c.Output, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	said, err := output.Seek(0, io.SeekEnd)
	if err != nil {
		_ = output.Close()
		return nil, err
	}
	return &launcher{Config: c, user: user, handed: barred != nil, output: output, said: said}, nil
}

// launch starts postgres in a data folder that stands, and waits until it is up.
func (l *launcher) launch(ctx context.Context) (*Server, error) {
	folder, err := l.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer folder.Close() //nolint:errcheck // postgres has its own
	if err := l.clear(); err != nil {
		return nil, err
	}
	process, err := l.start(syscall.SIGINT, folder, l.bin.postgres, l.arguments()...)
	if err != nil {
		return nil, err
	}
	s := &Server{process: process, dir: l.Dir, done: make(chan struct{})}
	if err := s.await(ctx, l.Log); err != nil {
		_ = process.Stop(syscall.SIGINT, stopGrace)
		return nil, fmt.Errorf("start postgres in %s: %w%s", l.Dir, err, l.tail())
	}
	return s, nil
}

// turn waits until no process of an earlier server is left, and returns the lock
// for the next one.
func (l *launcher) turn(ctx context.Context) (*os.File, error) {
	folder, err := file.TryLock(l.Dir, os.O_RDONLY)
	if errors.Is(err, file.ErrLocked) {
		l.Log.Info("waiting for the server before to end", "folder", l.Dir)
		folder, err = file.Lock(ctx, l.Dir, os.O_RDONLY)
	}
	return folder, err
}

// clear removes the files by which a server that was not stopped is known, where
// their process is none of Postgres: after a crash of the machine its number may be
// another one's, which Postgres would take for the server, at each start.
func (l *launcher) clear() error {
	for _, name := range []string{"postmaster.pid", socketName + ".lock"} {
		path := filepath.Join(l.Dir, name)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		pid, _, _ := strings.Cut(string(text), "\n")
		program, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(pid), "comm"))
		if err != nil || strings.TrimSpace(string(program)) == "postgres" {
			continue // Postgres sees that there is no such process, or one of its own
		}
		l.Log.Warn("what an earlier server has left names another process now, removing it", "file", path, "pid", pid, "program", string(program))
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

const (
	// openFiles has the files that a process was started with, on Linux.
	openFiles = "/proc/self/fd"
	// firstExtra is the number of the first of those beside stdin, stdout, stderr.
	firstExtra = 3
)

// start starts a program for the data folder, which is open and locked, and
// stays so while the program or a child of it runs. Where the user may not enter
// a folder above it, the program goes through the open one: so root can keep data
// below its home, or in a temporary folder of its own.
func (l *launcher) start(death syscall.Signal, folder *os.File, path string, args ...string) (*process.Child, error) {
	name := folder.Name()
	if l.handed {
		name = filepath.Join(openFiles, strconv.Itoa(firstExtra))
	}
	cmd := l.user.command(path, slices.Concat([]string{"-D", name}, args)...)
	cmd.Stdout, cmd.Stderr = l.output, l.output
	cmd.ExtraFiles = []*os.File{folder}
	return process.Start(cmd, death)
}

// arguments has what must not be changed in postgresql.conf, where the rest is,
// for the operator. The socket is in the data folder, which is the server's
// working folder and which only its user may enter.
func (l *launcher) arguments() []string {
	args := []string{"-k", ".", "-p", strconv.Itoa(port), "-c", "listen_addresses="}
	settings := []string{"fsync=on", "full_page_writes=on", "synchronous_commit=on"}
	if !l.Durable {
		settings = []string{"fsync=off", "full_page_writes=off", "synchronous_commit=off",
			"autovacuum=off", "max_connections=500"}
	}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// tail returns what was said, at most the end of it.
func (l *launcher) tail() string {
	const most = 2000
	end, err := l.output.Seek(0, io.SeekEnd)
	if err != nil || end <= l.said { // less where it was put aside
		return ""
	}
	from := max(l.said, end-most)
	said := make([]byte, end-from)
	n, _ := l.output.ReadAt(said, from)
	return "\n" + strings.TrimSpace(string(said[:n]))
}
