package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"videotutorials/internal/service"
	"videotutorials/internal/test/binaries"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
	"videotutorials/messagestore/rpc"
)

// A process is a server in its own process.
type process struct {
	cmd    *exec.Cmd
	client *rpc.Client
}

func startProcess(t *testing.T, binary, url string) *process {
	t.Helper()
	port := testserver.FreePort(t)
	p := &process{cmd: exec.Command(binary, "serve")} //nolint:noctx // the test ends it
	p.cmd.Env = append(os.Environ(), "VT_INSECURE=true", "VT_DATABASE_URL="+url, "VT_PORT="+strconv.Itoa(port))
	p.cmd.Stdout, p.cmd.Stderr = t.Output(), t.Output()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.client, err = rpc.Dial(service.Addr(port, service.MessageStorePort), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.client.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return p
}

// large returns data so large that the response of Postgres to a group does not fit
// into the socket: a stopped server then leaves the transaction open, with the lock.
func large() string {
	b := make([]byte, 450_000)
	_, _ = rand.Read(b)
	return `{"a": "` + hex.EncodeToString(b) + `"}`
}

// One of two servers is stopped while it writes and holds the lock. The other
// continues within 6 s, and no acknowledged write is lost.
func TestServe_OneOfTwoStopped(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := binaries.Build(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(folder, "messagestore")
	url := testdb.New(t, "message_store", postgres.Migrate)
	stopped, other := startProcess(t, binary, url), startProcess(t, binary, url)
	ctx, stop := context.WithCancel(t.Context())
	acknowledged := make(chan time.Time, 100_000)
	data := large()
	var writers sync.WaitGroup
	for i := range 12 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				stream := messagestore.Category("a").Stream(fmt.Sprint(i))
				_, err := stopped.client.Write(ctx, stream, messagestore.Any, messagestore.NewMessage{Type: "Happened", Data: data})
				// A stopped server does not answer in time.
				if late := new(messagestore.UnavailableError); err != nil && ctx.Err() == nil && !errors.As(err, &late) {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	writers.Go(func() {
		for ctx.Err() == nil {
			if _, err := other.client.Write(ctx, "b-1", messagestore.Any, messagestore.NewMessage{Type: "Happened", Data: "{}"}); err == nil {
				acknowledged <- time.Now()
			}
		}
	})
	// A server that is stopped between two groups delays no writer: it is stopped
	// again until it holds the lock.
	const quick, most, tries = 300 * time.Millisecond, 6 * time.Second, 200
	var paused time.Duration
	for try := 0; paused < quick && try < tries; try++ {
		<-acknowledged
		if err := stopped.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		for range 3 { // the first may have been on its way
			paused = max((<-acknowledged).Sub(at), paused)
		}
		if err := stopped.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	writers.Wait()
	if paused < quick || paused > most {
		t.Errorf("the other server's writes paused for %v, want a pause and at most %v", paused, most)
	}
	t.Logf("the other server's writes paused for %v", paused)

	// The writes of both form one log without gaps.
	versions := map[messagestore.Stream]int64{}
	expected := int64(1)
	for m, err := range other.client.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfAll()}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.GlobalPosition != expected || m.Position != versions[m.Stream] {
			t.Fatalf("%s %d is at %d, want %d and %d", m.Stream, m.Position, m.GlobalPosition, versions[m.Stream], expected)
		}
		versions[m.Stream]++
		expected++
	}
}
