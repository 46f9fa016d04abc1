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
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/certificate"
	"videotutorials/internal/pgserver"
	"videotutorials/internal/service"
	"videotutorials/messagestore/rpc"
)

// A system is the system as users run it, or parts of it, with its own Postgres.
type system struct {
	dir      string
	database *pgserver.Server
	up       *exec.Cmd
	// mvc is the classical version, if started.
	mvc   *exec.Cmd
	env   map[string]string
	store *rpc.Client
}

// start starts the parts, by default all, in a new folder on disk, durable.
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
	if err := os.Chmod(s.dir, 0o711); err != nil { // the user of Postgres enters it
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

// startPostgres starts a Postgres that accepts the connections of the peer.
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
func (s *system) startParts(ctx context.Context, bin, parts string) (err error) {
	if s.up, err = s.launch(ctx, bin, "-only", parts); err != nil {
		return err
	}
	exports, err := s.command(ctx, bin, "env").Output()
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

// startMVC starts the classical version beside the system, on the same Postgres, and
// returns its URL.
func (s *system) startMVC(ctx context.Context, bin string, videos int) (url string, err error) {
	port, err := strconv.Atoi(s.env["VT_PORT"])
	if err != nil {
		return "", err
	}
	s.mvc, err = s.launch(ctx, bin, "mvc", "-videos", strconv.Itoa(videos))
	return "http://" + service.Addr(port, service.MVCPort), err
}

// command returns a command of videotutorials with the system's folder and Postgres.
func (s *system) command(ctx context.Context, bin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "videotutorials"), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(),
		"VT_PORT=0", "VT_DATA_DIR="+filepath.Join(s.dir, "data"), "VT_DATABASE_URL="+s.database.URL("postgres"))
	cmd.Stderr = os.Stderr
	return cmd
}

// launch starts the command and returns it when it is ready. The caller MUST stop it,
// even if launch returns an error too.
func (s *system) launch(ctx context.Context, bin string, args ...string) (*exec.Cmd, error) {
	cmd := s.command(ctx, bin, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ready := false
	for lines := bufio.NewScanner(out); !ready && lines.Scan(); {
		ready = strings.HasPrefix(lines.Text(), "ready")
	}
	if !ready {
		return cmd, errors.New("videotutorials ended before it was ready")
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // its output is not needed
	return cmd, nil
}

func (s *system) stop() {
	if s.store != nil {
		_ = s.store.Close()
	}
	for _, cmd := range []*exec.Cmd{s.mvc, s.up} {
		if cmd != nil {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	}
	if s.database != nil {
		_ = s.database.Stop()
	}
	_ = os.RemoveAll(s.dir)
}
