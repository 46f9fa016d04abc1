package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/file"
	"videotutorials/internal/process"
)

const (
	// port only names the socket: each server has a folder of its own.
	port       = 5432
	socketName = ".s.PGSQL.5432"
	// superuser is the role that initdb makes.
	superuser = "postgres"
	// longestSocket is what the kernel allows for the path of a socket.
	longestSocket = 107
	// tellEvery is how often it is said that a server is not up yet.
	tellEvery = 10 * time.Second
	// stopGrace is what a fast shutdown may take: it writes a checkpoint. Past
	// it the server is killed, and recovers from its log at the next start.
	stopGrace = time.Minute
)

// Config says what server to start.
type Config struct {
	// Dir is the data folder, made if it is not there, of at most 93 bytes. When
	// root starts the server, another user runs it, and owns the folder.
	Dir string
	// Durable makes what is committed survive a crash of the machine. Tests
	// leave it off and are ten times as fast.
	Durable bool
	// Log is told what is found and done.
	Log *slog.Logger
	// Output takes what Postgres logs. Defaults to the file <Dir>.log.
	Output string
}

// A Server is a running Postgres. It ends with the process that started it,
// also when that one is killed.
type Server struct {
	process *process.Child
	owner   *os.File
	dir     string
	done    chan struct{}
}

// Start makes the data folder if need be, starts the server, and returns when
// it accepts connections: after about a second the first time, then at once.
// It waits for a server in the same folder whose launcher has died.
//
// It returns a *NotFoundError where no fitting Postgres is installed, a
// *VersionError for a data folder of a version that is not installed (the folder
// is left alone), and file.ErrLocked while another process has the folder's server.
// The caller MUST call Stop.
func Start(ctx context.Context, c Config) (_ *Server, err error) {
	c.Dir, err = filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	if strings.Contains(c.Dir, ",") {
		return nil, fmt.Errorf("%s: clients take a comma for the end of the name: choose another data folder", c.Dir)
	}
	if socket := filepath.Join(c.Dir, socketName); len(socket) > longestSocket {
		return nil, fmt.Errorf("%s: the path of a socket has at most %d bytes: choose a shorter data folder", socket, longestSocket)
	}
	if c.Output == "" {
		c.Output = c.Dir + ".log"
	}
	if err := os.MkdirAll(filepath.Dir(c.Dir), 0o711); err != nil {
		return nil, err
	}
	owner, err := file.TryLock(c.Dir+".lock", os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Unlock(owner)
		}
	}()
	l, err := newLauncher(c)
	if err != nil {
		return nil, err
	}
	defer l.output.Close() //nolint:errcheck // postgres has its own
	if err := l.prepare(ctx); err != nil {
		return nil, err
	}
	s, err := l.launch(ctx)
	if err != nil {
		return nil, err
	}
	s.owner = owner
	go s.watch()
	c.Log.Info("postgres is up", "version", l.bin.version, "folder", c.Dir, "pid", s.PID())
	return s, nil
}

// await returns nil when the server accepts connections: after a crash, when it
// has recovered from its log, which can take minutes.
func (s *Server) await(ctx context.Context, log *slog.Logger) error {
	begun := time.Now()
	for told := begun; ; {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			log.Info("waiting for Postgres to be up", "after", told.Sub(begun).Round(time.Second), "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.process.Done():
			return s.process.Err()
		case <-time.After(knockAfter(time.Since(begun))):
		}
	}
}

// knockAfter returns when a server that has been starting for so long is asked
// again whether it is up: a tenth later, as each question takes from what it has
// to recover with, and within 5 to 500 ms.
func knockAfter(starting time.Duration) time.Duration {
	return min(max(starting/10, 5*time.Millisecond), 500*time.Millisecond)
}

func (s *Server) watch() {
	<-s.process.Done()
	_ = file.Unlock(s.owner)
	close(s.done)
}

// URL returns the address of a database, for the superuser through the socket.
// pgx and psql take it.
func (s *Server) URL(database string) string {
	query := url.Values{"host": {s.dir}, "port": {strconv.Itoa(port)}}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: query.Encode()}
	return u.String()
}

// PID returns the id of the server's first process, the postmaster.
func (s *Server) PID() int { return s.process.PID() }

// Done is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the server: its sessions are cut and their transactions rolled back,
// and all that was committed is in the data folder. It returns how the server
// ended, nil after an orderly end, also if that was before the call.
func (s *Server) Stop() error {
	err := s.process.Stop(syscall.SIGINT, stopGrace)
	<-s.done
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("postgres ended: %w", err)
	}
	return err
}
