// Package pgserver runs a private Postgres: a data folder, and a server that listens
// only on a socket in that folder, which only its user may enter.
//
// # Locks of a data folder
//
//	<dir>.lock  held by the process that called Start
//	<dir>       held by postgres and all its backends
//
// The first lock rejects a second launcher, which would otherwise find the socket and
// use the server of the first. Start waits for the second lock: after a launcher was
// killed, its server takes a moment to shut down, and a new one does not start before
// the last backend is gone. The pid in Postgres's postmaster.pid cannot replace the
// second lock, since pids are reused.
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

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"

	"videotutorials/internal/file"
	"videotutorials/internal/process"
)

const (
	// port is only part of the socket's name, since each server has its own folder.
	port       = 5432
	socketName = ".s.PGSQL.5432"
	// superuser is the role that initdb creates.
	superuser = "postgres"
	// maxSocketPath is the kernel's limit for the path of a socket.
	maxSocketPath = 107
	// logInterval is the time between two log lines while a server starts.
	logInterval = 10 * time.Second
	// stopTimeout bounds a fast shutdown, which writes a checkpoint. After it the
	// server is killed, and recovers from its log at the next start.
	stopTimeout = time.Minute
)

// Config configures a server.
type Config struct {
	// Dir is the data folder, of at most 93 bytes. It is created if missing. If root
	// starts the server, another user runs it and owns the folder.
	Dir string
	// Durable makes commits survive a crash of the machine. Tests leave it false, which
	// makes them ten times as fast.
	Durable bool
	// Log is required.
	Log *slog.Logger
	// Output is the file to which Postgres logs. Defaults to <Dir>.log.
	Output string
}

// A Server is a running Postgres. It ends with the process that started it, even if
// that is killed.
type Server struct {
	process *process.Child
	dir     string
	done    chan struct{}
}

// Start creates the data folder if it is missing, which takes about a second, starts the
// server, and returns when it accepts connections. It waits for the end of a server in
// the folder whose launcher died.
//
// It returns ErrNotFound if no suitable Postgres is installed, a *VersionError if
// the data folder has a version that is not installed (the folder is not changed), and
// file.ErrLocked if another process runs a server in the folder. The caller MUST call
// Stop.
func Start(ctx context.Context, c Config) (_ *Server, err error) {
	c.Dir, err = filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	if strings.Contains(c.Dir, ",") {
		return nil, fmt.Errorf("%s: the data folder must not contain a comma, which separates hosts in a URL", c.Dir)
	}
	if socket := filepath.Join(c.Dir, socketName); len(socket) > maxSocketPath {
		return nil, fmt.Errorf("%s: the path of a socket has at most %d bytes: choose a shorter data folder", socket, maxSocketPath)
	}
	if c.Output == "" {
		c.Output = c.Dir + ".log"
	}
	if err := os.MkdirAll(filepath.Dir(c.Dir), 0o711); err != nil {
		return nil, err
	}
	lock, err := file.TryLock(c.Dir+".lock", os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Unlock(lock)
		}
	}()
	l, err := newLauncher(c)
	if err != nil {
		return nil, err
	}
	defer l.output.Close() //nolint:errcheck // postgres has its own descriptor
	if err := l.prepare(ctx); err != nil {
		return nil, err
	}
	s, err := l.launch(ctx)
	if err != nil {
		return nil, err
	}
	go func() {
		<-s.process.Done()
		_ = file.Unlock(lock)
		close(s.done)
	}()
	c.Log.Info("postgres is up", "version", l.bin.version, "folder", c.Dir, "pid", s.PID())
	return s, nil
}

// await returns nil when the server accepts connections. Recovery after a crash can
// take minutes; the attempts become rarer, since each takes time from the recovery.
func (s *Server) await(ctx context.Context, log *slog.Logger) error {
	start := time.Now()
	delays := backoff.ExponentialBackOff{InitialInterval: 5 * time.Millisecond, Multiplier: 1.1, MaxInterval: 500 * time.Millisecond}
	for logged := start; ; {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if time.Since(logged) >= logInterval {
			logged = time.Now()
			log.Info("waiting for Postgres to accept connections", "duration", logged.Sub(start).Round(time.Second), "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.process.Done():
			return s.process.Err()
		case <-time.After(delays.NextBackOff()):
		}
	}
}

// URL returns the URL of a database, as superuser through the socket, for pgx and
// psql.
func (s *Server) URL(database string) string {
	query := url.Values{"host": {s.dir}, "port": {strconv.Itoa(port)}}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: query.Encode()}
	return u.String()
}

// PID returns the pid of the postmaster.
func (s *Server) PID() int { return s.process.PID() }

// Done returns a channel that is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the server: it closes all sessions and rolls their transactions back. All
// commits are in the data folder. Stop returns nil if the server shut down
// cleanly, even before the call.
func (s *Server) Stop() error {
	err := s.process.Stop(syscall.SIGINT, stopTimeout)
	<-s.done
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("postgres ended: %w", err)
	}
	return err
}
