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

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/internal/test/binaries"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

const application messagestore.Principal = "spiffe://videotutorials/application"

// patience bounds a command: one that waits for ever fails its test.
const patience = time.Minute

// TestCommands runs the real program against a real server.
func TestCommands(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := binaries.Build(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(folder, "messagestore")
	tests := map[string]func(*testing.T, *testStore){
		"Usage": testUsage, "Errors": testErrors, "Stranger": testStranger, "Interrupted": testInterrupted, "BrokenPipe": testBrokenPipe,
		"Write": testWrite, "WriteStdin": testWriteStdin, "Read": testRead, "Tail": testTail, "TailRestart": testTailRestart,
		"Lists": testLists, "Owner": testOwner, "Import": testImport, "ImportWrong": testImportWrong, "Bench": testBench,
	}
	stores := map[string]*testStore{} // which take a second until they serve, all the same
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
	stop                func(t *testing.T)
}

func startTestStore(t *testing.T, binary string) *testStore {
	t.Helper()
	s := &testStore{binary: binary, certs: filepath.Join(t.TempDir(), "certs")}
	authority, err := certificate.OpenAuthority(s.certs)
	if err != nil {
		t.Fatal(err)
	}
	for name, principal := range map[string]messagestore.Principal{
		"messagestore": "spiffe://videotutorials/messagestore", "operator": operator, "application": application,
	} {
		if err := authority.Issue(name, string(principal)); err != nil {
			t.Fatal(err)
		}
	}
	port := testserver.FreePort(t)
	s.addr = service.Addr(port, service.MessageStorePort)
	s.server = &serve{Port: port, Certs: s.certs, Database: testdb.New(t, "message_store", postgres.Migrate)}
	s.start(t)
	t.Cleanup(func() { s.stop(t) })
	return s
}

// start starts the server, which has been stopped.
func (s *testStore) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- s.server.run(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)), nil)
		close(ended) // it may be stopped twice
	}()
	s.stop = func(t *testing.T) {
		t.Helper()
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("serve: %v", err)
		}
	}
}

// command returns the program with the certificate of that name.
func (s *testStore) command(t *testing.T, as string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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

// An answer is what a command printed, and its exit code.
type answer struct {
	out, said string
	code      int
}

func (a answer) lines() []string { return strings.Split(strings.TrimSuffix(a.out, "\n"), "\n") }

// run runs a command to its end.
func (s *testStore) run(t *testing.T, as, input string, args ...string) answer {
	t.Helper()
	cmd := s.command(t, as, args...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return answer{out.String(), said.String(), cmd.ProcessState.ExitCode()}
}

// do is run of a command that the test takes for granted.
func (s *testStore) do(t *testing.T, as string, args ...string) answer {
	t.Helper()
	a := s.run(t, as, "", args...)
	if a.code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, a.code, a.said)
	}
	return a
}

// isJSON fails the test unless the line is JSON of the type of m, with the names
// of the proto, which it fills.
func isJSON(t *testing.T, line string, m proto.Message, names ...string) {
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
