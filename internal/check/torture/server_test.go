package torture

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"videotutorials/internal/certificate"
	"videotutorials/internal/process"
	"videotutorials/internal/service"
	"videotutorials/internal/test/binaries"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
)

const (
	// replicas is the number of servers.
	replicas = 3
	// reader is the principal of the subscribers.
	reader = "reader"
	trust  = "spiffe://videotutorials/"
	// grace bounds an orderly stop.
	grace = 20 * time.Second
)

// A server is a process that is restarted whenever it ends.
type server struct {
	name     string
	port     int
	certs    string
	command  func() *exec.Cmd
	output   *os.File
	findings *findings

	mu      sync.Mutex
	process *process.Child
	wanted  bool // the process was ended by the test
	stops   []span
}

// A span is a time during which a server was stopped; to is zero until it is over.
type span struct{ from, to time.Time }

// start starts Postgres and the servers and creates the trigger.
func start(t *testing.T, f *findings) (*database, []*server) {
	t.Helper()
	folder := t.TempDir()
	binary := filepath.Join(folder, "messagestore")
	if err := binaries.Build(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	authority, err := certificate.OpenAuthority(filepath.Join(folder, "certs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"messagestore", reader, crowd}, principals...) {
		if err := authority.Issue(name, trust+name); err != nil {
			t.Fatal(err)
		}
	}
	db := startDatabase(t)
	var servers []*server
	for i := range replicas {
		s := &server{name: "server " + strconv.Itoa(i+1), certs: filepath.Join(folder, "certs"), findings: f}
		if s.port, err = service.FreePort(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.output, err = os.Create(filepath.Join(folder, s.name+".log")); err != nil {
			t.Fatal(err)
		}
		env := append(os.Environ(), "VT_DATABASE_URL="+db.url(), "VT_CERTS="+s.certs, "VT_PORT="+strconv.Itoa(s.port))
		s.command = func() *exec.Cmd {
			cmd := exec.Command(binary, "serve") //nolint:noctx // ended by signals
			cmd.Env, cmd.Stdout, cmd.Stderr = env, s.output, s.output
			return cmd
		}
		s.run(t)
		servers = append(servers, s)
	}
	for _, s := range servers {
		s.await(t)
	}
	db.sabotage(t)
	return db, servers
}

// run starts the server, and restarts it until the test ends.
func (s *server) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			s.once(ctx)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		_ = s.output.Close()
	})
}

func (s *server) once(ctx context.Context) {
	process, err := process.Start(s.command(), syscall.SIGKILL)
	if err != nil {
		s.findings.add(s.name, faultf(failed, "%v", err))
		<-ctx.Done()
		return
	}
	s.mu.Lock()
	s.process, s.wanted = process, false
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		_ = process.Stop(syscall.SIGKILL, grace)
	case <-process.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.wanted {
			s.findings.add(s.name, faultf(failed, "ended unexpectedly: %v", process.Err()))
		}
	}
}

// kill kills the process.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal(syscall.SIGKILL)
	s.wanted = true
}

func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal(syscall.SIGSTOP)
	s.stops = append(s.stops, span{from: time.Now()})
}

// resume continues the process and ends all spans.
func (s *server) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal(syscall.SIGCONT)
	for i := range s.stops {
		if s.stops[i].to.IsZero() {
			s.stops[i].to = time.Now()
		}
	}
}

func (s *server) signal(signal syscall.Signal) {
	if s.process != nil {
		_ = syscall.Kill(s.process.PID(), signal) // fails if it has just ended
	}
}

// stopped reports whether the server was stopped at any time since then.
func (s *server) stopped(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range s.stops {
		if span.to.IsZero() || span.to.After(since) {
			return true
		}
	}
	return false
}

// drain stops the process in order, which empties its queue, and returns when the
// restarted one serves.
func (s *server) drain(t *testing.T) {
	t.Helper()
	s.await(t) // it must be able to handle the signal
	s.mu.Lock()
	process := s.process
	s.wanted = true
	s.mu.Unlock()
	if err := process.Stop(syscall.SIGTERM, grace); err != nil {
		s.findings.add(s.name, faultf(failed, "did not stop in order: %v", err))
	}
	s.await(t)
}

// await returns when the server answers.
func (s *server) await(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), reachWithin)
	defer cancel()
	client := s.dial(t, reader)
	for {
		_, err := client.Status(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s does not answer: %v; the end of its log:\n%s", s.name, err, s.logEnd())
		}
	}
}

// dial returns a client of the server for the principal.
func (s *server) dial(t *testing.T, principal string) messagestore.Store {
	t.Helper()
	config, err := certificate.Client(s.certs, principal)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rpc.Dial(service.Addr(s.port, service.MessageStorePort), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// logEnd returns the end of the server's log.
func (s *server) logEnd() string {
	const most = 3000
	info, err := s.output.Stat()
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(io.NewSectionReader(s.output, max(info.Size()-most, 0), most))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
