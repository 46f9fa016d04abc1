package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"videotutorials/internal/file"
	"videotutorials/internal/process"
)

// An account is the user that runs the server: the caller unless switched is set.
// Since Postgres refuses to run as root, root switches to another user.
type account struct {
	switched bool
	name     string
	uid, gid int
}

// serverAccount returns the account of the caller, or for root the account of the user
// postgres or nobody.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	found, err := user.Lookup("postgres")
	if err != nil {
		found, err = user.Lookup("nobody")
	}
	if err != nil {
		return account{}, fmt.Errorf("postgres does not run as root, and there is no other user for it: %w", err)
	}
	uid, uidErr := strconv.Atoi(found.Uid)
	gid, gidErr := strconv.Atoi(found.Gid)
	return account{name: found.Username, uid: uid, gid: gid, switched: true}, errors.Join(uidErr, gidErr)
}

// checkAccess returns an error that names the first of the folder and its parents that
// the user may not enter. Postgres itself reports only "permission denied".
func (a account) checkAccess(dir string) error {
	if !a.switched {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		bit := fs.FileMode(0o001)
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			switch {
			case int(stat.Uid) == a.uid:
				bit = 0o100
			case int(stat.Gid) == a.gid:
				bit = 0o010
			}
		}
		if info.Mode()&bit == 0 {
			return fmt.Errorf("user %s, which runs Postgres for root, may not enter %s: choose another data folder", a.name, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// mallocSettings let a backend keep up to 16 MiB between statements. By default glibc
// returns blocks over 128 KiB to the kernel, which must then clear their pages again:
// a third of the time of a statement with a hundred messages.
var mallocSettings = []string{"MALLOC_TRIM_THRESHOLD_=16777216", "MALLOC_MMAP_THRESHOLD_=16777216", "MALLOC_TOP_PAD_=1048576"}

// command returns a command that runs as the user, without the Postgres settings in
// the caller's environment.
func (a account) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...) //nolint:noctx // the server outlives the context of Start
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}, mallocSettings...)
	if a.switched {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
	}
	return cmd
}

// A launcher has the state of one call of Start.
type launcher struct {
	Config
	account account
	bin     binaries
	// byDescriptor is whether programs must open the data folder by its descriptor,
	// because the user may not enter one of its parents.
	byDescriptor bool
	output       *os.File
	offset       int64 // of the output when Start was called
}

func newLauncher(c Config) (*launcher, error) {
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	noAccess := account.checkAccess(filepath.Dir(c.Dir))
	if _, err := os.Stat(filepath.Dir(descriptor)); noAccess != nil && err != nil {
		return nil, noAccess
	}
	output, err := os.OpenFile(c.Output, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	offset, err := output.Seek(0, io.SeekEnd)
	if err != nil {
		_ = output.Close()
		return nil, err
	}
	return &launcher{Config: c, account: account, byDescriptor: noAccess != nil, output: output, offset: offset}, nil
}

// launch starts postgres in an existing data folder and waits until it accepts
// connections.
func (l *launcher) launch(ctx context.Context) (*Server, error) {
	folder, err := file.TryLock(l.Dir, os.O_RDONLY)
	if errors.Is(err, file.ErrLocked) {
		l.Log.Info("waiting for the end of the previous server", "folder", l.Dir)
		folder, err = file.Lock(ctx, l.Dir, os.O_RDONLY)
	}
	if err != nil {
		return nil, err
	}
	defer folder.Close() //nolint:errcheck // postgres has its own descriptor
	if err := l.removeStale(); err != nil {
		return nil, err
	}
	process, err := l.start(syscall.SIGINT, folder, l.bin.postgres, l.arguments()...)
	if err != nil {
		return nil, err
	}
	s := &Server{process: process, dir: l.Dir, done: make(chan struct{})}
	if err := s.await(ctx, l.Log); err != nil {
		_ = process.Stop(syscall.SIGINT, stopTimeout)
		return nil, fmt.Errorf("start postgres in %s: %w%s", l.Dir, err, l.tail())
	}
	return s, nil
}

// removeStale removes the pid files of a server that was not stopped, if their process
// is not postgres. After a crash of the machine the pid may belong to another process,
// which Postgres would take for the server at each start.
func (l *launcher) removeStale() error {
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
			continue // Postgres handles these cases itself
		}
		l.Log.Warn("removing the pid file of an earlier server, which names another process", "file", path, "pid", pid, "program", string(program))
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// descriptor is the first of exec.Cmd's ExtraFiles in the program, on Linux.
const descriptor = "/proc/self/fd/3"

// start starts a program with the data folder, which is open and locked, and remains so
// while the program or a child of it runs. With byDescriptor the program opens the
// folder by its descriptor, so that root can keep data below its home.
func (l *launcher) start(death syscall.Signal, folder *os.File, path string, args ...string) (*process.Child, error) {
	name := folder.Name()
	if l.byDescriptor {
		name = descriptor
	}
	cmd := l.account.command(path, slices.Concat([]string{"-D", name}, args)...)
	cmd.Stdout, cmd.Stderr = l.output, l.output
	cmd.ExtraFiles = []*os.File{folder}
	return process.Start(cmd, death)
}

// arguments returns the settings that must not be changed in postgresql.conf, which
// the operator may edit. The socket is in the data folder, the server's working folder.
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

// tail returns the end of the output since Start was called.
func (l *launcher) tail() string {
	const limit = 2000
	end, err := l.output.Seek(0, io.SeekEnd)
	if err != nil || end <= l.offset { // shorter if it was rotated
		return ""
	}
	from := max(l.offset, end-limit)
	text := make([]byte, end-from)
	n, _ := l.output.ReadAt(text, from)
	return "\n" + strings.TrimSpace(string(text[:n]))
}
