// Package testdb gives each test a database of its own on a real Postgres, which runs
// for one test binary, in memory and without fsync. Tests fail without Postgres.
package testdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"videotutorials/internal/pgserver"
)

// cleanup bounds the clean-up after a test, whose own context has ended.
const cleanup = 30 * time.Second

// shared is the cluster of this test binary.
var shared cluster

// Main runs the tests, stops the cluster if one was started, and exits with 1 if a
// test failed or goroutines are leaked. It is the body of a TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the test cluster:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// New creates a database for the test and returns its URL as superuser. The database
// is dropped when the test ends. It is a copy of a template, which migrate creates at
// the first call with that name; the same name MUST come with the same migrate. New
// may be called in parallel.
func New(t testing.TB, template string, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	name, err := shared.clone(t.Context(), template, migrate)
	if err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanup)
		defer cancel()
		if err := shared.drop(ctx, name); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return shared.server.URL(name)
}

// Folder returns an empty folder on disk with a path short enough for the socket of a
// Postgres. It is removed when the test ends.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := openFolder(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A cluster is one Postgres and the template databases in it.
type cluster struct {
	mu        sync.Mutex
	dir       string
	server    *pgserver.Server
	failed    error
	templates map[string]error
	clones    int
}

// clone creates a database from the template and returns its name.
func (c *cluster) clone(ctx context.Context, template string, migrate func(context.Context, string) error) (string, error) {
	name, err := c.prepare(ctx, template, migrate)
	if err != nil {
		return "", err
	}
	// The default strategy writes each page to the WAL and takes three times as long.
	return name, c.exec(ctx, "create database "+quote(name)+" template "+quote(template)+" strategy file_copy")
}

// prepare starts the server and creates the template, each once, and returns the
// name of the copy. The copy itself is created without the lock.
func (c *cluster) prepare(ctx context.Context, template string, migrate func(context.Context, string) error) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil && c.failed == nil {
		c.failed = c.start(ctx)
		c.templates = map[string]error{}
	}
	if c.failed != nil {
		return "", c.failed
	}
	err, made := c.templates[template]
	if !made {
		err = c.exec(ctx, "create database "+quote(template))
		if err == nil {
			err = migrate(ctx, c.server.URL(template))
		}
		c.templates[template] = err
	}
	if err != nil {
		return "", fmt.Errorf("template %s: %w", template, err)
	}
	c.clones++
	return template + "_" + strconv.Itoa(c.clones), nil
}

func (c *cluster) drop(ctx context.Context, name string) error {
	return c.exec(ctx, "drop database if exists "+quote(name)+" with (force)")
}

func (c *cluster) start(ctx context.Context) error {
	base := fastFolder()
	sweep(base)
	dir, err := openFolder(base)
	if err != nil {
		return err
	}
	c.dir = dir
	c.server, err = pgserver.Start(ctx, pgserver.Config{
		Dir: filepath.Join(dir, "postgres"),
		Log: slog.New(slog.DiscardHandler),
	})
	return err
}

func (c *cluster) stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	if c.server != nil {
		err = c.server.Stop()
	}
	if c.dir != "" {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

// exec runs a statement on a connection of its own, because a database with open
// connections cannot be copied.
func (c *cluster) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, c.server.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// fastFolder returns a folder in memory if it has room for some hundred databases,
// otherwise one on disk. In containers the former often has 64 MB.
func fastFolder() string {
	const memory, room = "/dev/shm", 2 << 30
	var stat syscall.Statfs_t
	if err := syscall.Statfs(memory, &stat); err != nil || stat.Bavail*uint64(stat.Bsize) < room {
		return os.TempDir()
	}
	return memory
}

// folderName is the prefix of the folders' names. The process id follows.
const folderName = "videotutorials-test-"

// openFolder creates a folder that the user of Postgres may enter.
func openFolder(base string) (string, error) {
	dir, err := os.MkdirTemp(base, folderName+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// sweep removes the folders of killed test binaries. Their servers ended with them
// and left the files.
func sweep(base string) {
	left, err := filepath.Glob(filepath.Join(base, folderName+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), folderName), "-")
		pid, err := strconv.Atoi(owner)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
}
