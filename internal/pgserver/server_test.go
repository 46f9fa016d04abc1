package pgserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"videotutorials/internal/file"
)

// launchFor makes the test binary run a server in the folder until it is killed.
const launchFor = "PGSERVER_TEST_LAUNCH"

func TestMain(m *testing.M) {
	dir, helper := os.LookupEnv(launchFor)
	if !helper {
		goleak.VerifyTestMain(m)
		return
	}
	s, err := Start(context.Background(), config(dir))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.URL("postgres"))
	<-s.Done()
}

func config(dir string) Config {
	return Config{Dir: dir, Durable: true, Log: slog.New(slog.DiscardHandler)}
}

// folder returns a short path for a data folder.
func folder(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("", "pgserver-")
	if err == nil {
		err = os.Chmod(base, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	return filepath.Join(base, "postgres")
}

func start(t *testing.T, c Config) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestStart_KeepsData(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, config(dir))
	execute(t, s.URL("postgres"), "create table kept (n int)")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	execute(t, start(t, config(dir)).URL("postgres"), "insert into kept values (1)")
}

func TestStart_Locked(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	start(t, config(dir))
	if s, err := Start(t.Context(), config(dir)); !errors.Is(err, file.ErrLocked) {
		t.Fatalf("got %v, %v, want file.ErrLocked", s, err)
	}
}

func TestStart_LauncherKilled(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	launcher := exec.Command(os.Args[0]) //nolint:noctx // it is killed below
	launcher.Env = append(os.Environ(), launchFor+"="+dir)
	said, err := launcher.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := launcher.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	execute(t, strings.TrimSpace(url), "create table kept (n int)")
	wake := stopBackend(t, strings.TrimSpace(url))
	if err := launcher.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = launcher.Wait()
	// The old server cannot end before its stopped backend, which continues when the
	// new Start logs that it waits.
	c := config(dir)
	c.Log = slog.New(slog.NewTextHandler(wakeUp(wake), nil))
	s := start(t, c)
	execute(t, s.URL("postgres"), "insert into kept values (1)")
	if s.PID() != postmaster(t, dir) {
		t.Error("the pid is not that of the new server")
	}
}

// stopBackend opens a session and stops its backend until wake is called.
func stopBackend(t *testing.T, url string) (wake func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	backend := int(conn.PgConn().PID())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	if err := syscall.Kill(backend, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wake = func() { _ = syscall.Kill(backend, syscall.SIGCONT) }
	t.Cleanup(wake)
	return wake
}

type wakeUp func()

func (w wakeUp) Write(p []byte) (int, error) { w(); return len(p), nil }

// killed returns a killed server and its folder, which has the table kept.
func killed(t *testing.T) (s *Server, dir string) {
	t.Helper()
	dir = folder(t)
	s = start(t, config(dir))
	execute(t, s.URL("postgres"), "create table kept (n int)")
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	return s, dir
}

func TestStart_ServerKilled(t *testing.T) {
	t.Parallel()
	s, dir := killed(t)
	if err := s.Stop(); err == nil {
		t.Error("Stop of a killed server returned nil")
	}
	execute(t, start(t, config(dir)).URL("postgres"), "insert into kept values (1)")
}

// After a crash of the machine the pid files may name another process.
func TestStart_PIDReused(t *testing.T) {
	t.Parallel()
	_, dir := killed(t)
	other := exec.CommandContext(t.Context(), "sleep", "60")
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 { // Postgres ignores processes of other users
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	}()
	for _, name := range []string{"postmaster.pid", ".s.PGSQL.5432.lock"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "\n")
		err = os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, "%d\n%s", other.Process.Pid, rest), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	execute(t, start(t, config(dir)).URL("postgres"), "insert into kept values (1)")
}

func postmaster(t *testing.T, dir string) (pid int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}
