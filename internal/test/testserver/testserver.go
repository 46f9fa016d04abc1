// Package testserver provides tests of processes with free ports and with a
// message store served over mutual TLS.
package testserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/internal/test/running"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
)

// FreePort returns a value for VT_PORT whose whole range of ports is free.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := service.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Serve serves the store on the listener until the test ends, with certificate
// messagestore of folder certs.
func Serve(t testing.TB, store messagestore.Store, certs string, listener net.Listener) {
	t.Helper()
	config, err := certificate.Server(certs, "messagestore")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(store, rpc.ServerOptions{TLS: config, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	running.Start(t, func(ctx context.Context) error { return server.Run(ctx, listener) })
}

// asProgram is the environment variable that makes a test binary run the program.
const asProgram = "TEST_AS_PROGRAM"

// patience bounds the run of a program, and the time it takes to drain.
const patience = time.Minute

// Program calls main and exits if Run or Output started the test binary. TestMain of
// the program's tests MUST call it first.
func Program(main func()) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
}

func program(ctx context.Context, env []string, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "VT_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, asProgram+"=1"), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	return cmd
}

// Run runs the program with the environment and the arguments until the context ends,
// and returns nil if it then ends with exit code 0. Its log goes to the output.
func Run(ctx context.Context, output io.Writer, env []string, args ...string) error {
	cmd := program(ctx, env, args)
	cmd.Stdout, cmd.Stderr = output, output
	err := cmd.Run()
	if ctx.Err() != nil && cmd.ProcessState != nil && cmd.ProcessState.Success() {
		return nil
	}
	return err
}

// Output runs the program to its end, and returns its exit code and its output.
func Output(t testing.TB, env []string, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := program(ctx, env, args)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// Get returns the status and the body of the response of the port, or 0 and the text
// of the error.
func Get(t testing.TB, port, offset int, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+service.Addr(port, offset)+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close() //nolint:errcheck // only read
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body.String()
}

// Certificates issues certificates into the folder. The keys of principals are the
// names of the files.
func Certificates(t testing.TB, dir string, principals map[string]string) {
	t.Helper()
	authority, err := certificate.OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, principal := range principals {
		if err := authority.Issue(name, "spiffe://videotutorials/"+principal); err != nil {
			t.Fatal(err)
		}
	}
}
