package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/certificate"
	"videotutorials/internal/pgserver"
	"videotutorials/messagestore/rpc"
)

// A system is the system as users run it, or some of its parts, with a Postgres that lets the
// peer have as many connections as it needs.
type system struct {
	dir      string
	database *pgserver.Server
	up       *exec.Cmd
	env      map[string]string
	store    *rpc.Client
}

// start starts the parts, all for none, in a new folder: durable, on disk.
func start(ctx context.Context, bin, parts string) (_ *system, err error) {
	s := &system{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "videotutorials-bench-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(s.dir, 0o711); err != nil { // for the user who runs Postgres
		return nil, err
	}
	if err := s.startPostgres(ctx); err != nil {
		return nil, err
	}
	if err := s.startParts(ctx, bin, parts); err != nil {
		return nil, err
	}
	tls, err := certificate.Client(filepath.Dir(s.env["VT_CERT"]), "application")
	if err != nil {
		return nil, err
	}
	s.store, err = rpc.Dial(s.env["VT_MESSAGESTORE_ADDR"], tls)
	return s, err
}

// startPostgres starts a Postgres with room for the peer's connections.
func (s *system) startPostgres(ctx context.Context) error {
	config := pgserver.Config{Dir: filepath.Join(s.dir, "pg"), Durable: true, Log: slog.New(slog.DiscardHandler)}
	first, err := pgserver.Start(ctx, config)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, first.URL("postgres"))
	if err == nil {
		_, err = conn.Exec(ctx, "alter system set max_connections = 400")
		err = errors.Join(err, conn.Close(ctx))
	}
	if err := errors.Join(err, first.Stop()); err != nil {
		return err
	}
	s.database, err = pgserver.Start(ctx, config)
	return err
}

// startParts starts videotutorials and returns when it is ready.
func (s *system) startParts(ctx context.Context, bin, parts string) error {
	command, err := filepath.Abs(filepath.Join(bin, "videotutorials"))
	if err != nil {
		return err
	}
	environment := append(os.Environ(),
		"VT_PORT=0", "VT_DATA_DIR="+filepath.Join(s.dir, "data"), "VT_DATABASE_URL="+s.database.URL("postgres"))
	s.up = exec.CommandContext(ctx, command, "-only", parts)
	s.up.Cancel = func() error { return s.up.Process.Signal(syscall.SIGTERM) }
	s.up.Env = environment
	s.up.Stderr = os.Stderr
	out, err := s.up.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.up.Start(); err != nil {
		return err
	}
	ready := false
	for lines := bufio.NewScanner(out); !ready && lines.Scan(); {
		ready = strings.HasPrefix(lines.Text(), "ready")
	}
	if !ready {
		return errors.New("videotutorials ended before it was ready")
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // what it says from now on is not needed

	env := exec.CommandContext(ctx, command, "env")
	env.Env = environment
	exports, err := env.Output()
	if err != nil {
		return fmt.Errorf("videotutorials env: %w", err)
	}
	s.env = map[string]string{}
	for line := range strings.Lines(string(exports)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		s.env[name] = strings.Trim(value, `'"`)
	}
	return nil
}

func (s *system) stop() {
	if s.store != nil {
		_ = s.store.Close()
	}
	if s.up != nil && s.up.Process != nil {
		_ = s.up.Process.Signal(syscall.SIGTERM)
		_ = s.up.Wait()
	}
	if s.database != nil {
		_ = s.database.Stop()
	}
	_ = os.RemoveAll(s.dir)
}
