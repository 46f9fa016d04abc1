package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/service"
	"videotutorials/internal/test/binaries"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

const application messagestore.Principal = "spiffe://videotutorials/application"

// timeout bounds the run of a command.
const timeout = time.Minute

// TestCommands runs the real program against a real server.
func TestCommands(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := binaries.Build(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(folder, "messagestore")
	tests := map[string]func(*testing.T, *testStore){
		"Usage": testUsage, "Errors": testErrors, "UnknownAuthority": testUnknownAuthority, "Interrupted": testInterrupted, "BrokenPipe": testBrokenPipe,
		"Write": testWrite, "WriteStdin": testWriteStdin, "Read": testRead, "Tail": testTail, "TailRestart": testTailRestart,
		"Lists": testLists, "Owner": testOwner, "Import": testImport, "ImportInvalid": testImportInvalid, "Bench": testBench,
	}
	stores := map[string]*testStore{} // started together, since each takes a second until it serves
	for name := range tests {
		stores[name] = startTestStore(t, binary)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, stores[name])
		})
	}
}

// A testStore is a server with TLS, and the program that calls it.
type testStore struct {
	binary, addr, certs string
	server              *serve
	stop                func()
}

func startTestStore(t *testing.T, binary string) *testStore {
	t.Helper()
	s := &testStore{binary: binary, certs: filepath.Join(t.TempDir(), "certs")}
	testserver.Certificates(t, s.certs, map[string]string{
		"messagestore": "messagestore", "operator": "operator", "application": "application",
	})
	port := testserver.FreePort(t)
	s.addr = service.Addr(port, service.MessageStorePort)
	s.server = &serve{Port: port, Certs: s.certs, Database: testdb.New(t, "message_store", postgres.Migrate)}
	s.start(t)
	return s
}

// start starts the server, also again after stop.
func (s *testStore) start(t *testing.T) {
	t.Helper()
	s.stop = running.Start(t, func(ctx context.Context) error {
		err := s.server.run(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)), nil)
		if errors.Is(err, context.Canceled) {
			return nil // stopped while it opened the store
		}
		return err
	})
}

// command returns the program with the certificate of that name.
func (s *testStore) command(t *testing.T, as string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, s.binary, args...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "VT_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "VT_MESSAGESTORE_ADDR="+s.addr, "VT_CA="+filepath.Join(s.certs, "ca.crt"),
		"VT_CERT="+filepath.Join(s.certs, as+".crt"), "VT_KEY="+filepath.Join(s.certs, as+".key"))
	return cmd
}

// A result is the output of a command and its exit code.
type result struct {
	stdout, stderr string
	code           int
}

func (a result) lines() []string { return strings.Split(strings.TrimSuffix(a.stdout, "\n"), "\n") }

// run runs a command to its end.
func (s *testStore) run(t *testing.T, as, input string, args ...string) result {
	t.Helper()
	cmd := s.command(t, as, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// mustRun is run, and fails the test unless the exit code is 0.
func (s *testStore) mustRun(t *testing.T, as string, args ...string) result {
	t.Helper()
	a := s.run(t, as, "", args...)
	if a.code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, a.code, a.stderr)
	}
	return a
}

// decodeJSON decodes the line into m and checks that it contains the names of
// fields.
func decodeJSON(t *testing.T, line string, m proto.Message, names ...string) {
	t.Helper()
	if err := protojson.Unmarshal([]byte(line), m); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	for _, name := range names {
		if !strings.Contains(line, `"`+name+`":`) {
			t.Errorf("%s has no %s", line, name)
		}
	}
}
