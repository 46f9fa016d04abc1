package application

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/application/video"
	"videotutorials/internal/test/running"
)

// A too large upload is rejected before or while it is sent.
func TestUpload_TooLarge(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{uploads: smallUploads()})
	at := p.raw(t, "Content-Length: 1048577") // nothing of it is sent
	if got := readAnswer(t, at); got.status != 413 {
		t.Errorf("at once: %d %s", got.status, got.body)
	}
	// A client with Expect: 100-continue is not asked to send.
	asks := p.raw(t, "Expect: 100-continue\r\nContent-Length: 1048577")
	if got := readAnswer(t, asks); got.status != 413 {
		t.Errorf("with Expect: %d %s", got.status, got.body)
	}
	conn := p.raw(t, "Transfer-Encoding: chunked")
	_, _ = fmt.Fprintf(conn, "%x\r\n%s\r\n0\r\n\r\n", 1<<20+1, strings.Repeat("x", 1<<20+1))
	if got := readAnswer(t, conn); got.status != 413 {
		t.Errorf("while it is sent: %d %s", got.status, got.body)
	}
	if left := p.files(t); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
	conn = p.raw(t, "Transfer-Encoding: chunked")
	_, _ = io.WriteString(conn, "0\r\n\r\n")
	if got := readAnswer(t, conn); got.status != 400 || !strings.Contains(got.body, "is empty") {
		t.Errorf("nothing in chunks: %d %s", got.status, got.body)
	}
}

// A slow client is accepted; a silent or too slow one is cut off.
func TestUpload_Slow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		silence        time.Duration
		bytesPerSecond int64
		pause          time.Duration
		status         int
	}{
		"Slow":   {3 * time.Second, 1, 20 * time.Millisecond, 201},
		"Silent": {50 * time.Millisecond, 1, time.Minute, 408},
		"Crawls": {300 * time.Millisecond, 1 << 20, 20 * time.Millisecond, 408},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := smallUploads()
			limits.Silence, limits.BytesPerSecond = c.silence, c.bytesPerSecond
			p := startCreator(t, Config{uploads: limits})
			conn := p.raw(t, "Content-Length: 50")
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for range 50 {
					_, _ = io.WriteString(conn, "x")
					select {
					case <-time.After(c.pause):
					case <-stop:
						return
					}
				}
			}()
			got := readAnswer(t, conn)
			close(stop)
			<-done
			if got.status != c.status || (c.status == 408) != strings.Contains(got.body, "too slow") {
				t.Errorf("answer is %d %s", got.status, got.body)
			}
			if left := p.files(t); (c.status == 408) != (len(left) == 0) {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// The running uploads of a user and of all users are bounded.
func TestUpload_AtATime(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{uploads: smallUploads()})
	rejected := func(who string) {
		t.Helper()
		if got := p.upload(t, "x"); got.status != 429 || got.header.Get("Retry-After") != "5" || !strings.Contains(got.body, "on their way") {
			t.Errorf("%s: %d %s", who, got.status, got.body)
		}
	}
	begin := func(n int) net.Conn {
		conn := p.raw(t, "Content-Length: 2")
		_, _ = io.WriteString(conn, "x")
		running.Until(t, "the upload has begun", func() bool { return len(p.files(t)) >= 2*n })
		return conn
	}
	first := begin(1)
	begin(2)
	rejected("the third of a user")
	p.session = p.api.session(t, uuid.NewString())
	begin(3)
	rejected("the fourth of all users")
	_, _ = io.WriteString(first, "y")
	if got := readAnswer(t, first); got.status != 201 {
		t.Errorf("the first: %d %s", got.status, got.body)
	}
	if got := p.upload(t, "x"); got.status != 201 {
		t.Errorf("then: %d %s", got.status, got.body)
	}
}

// The stored uploads of a user are bounded.
func TestUpload_Waiting(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*video.Limits){
		"Count": func(l *video.Limits) { l.Stored = 2 },
		"Bytes": func(l *video.Limits) { l.StoredBytes = 24 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := smallUploads()
			change(&limits)
			p := startCreator(t, Config{uploads: limits})
			key := []string{"Idempotency-Key", aKey}
			p.uploaded(t, "0123456789", key...)
			p.uploaded(t, "0123456789")
			got := p.upload(t, "0123456789")
			if got.status != 429 || got.header.Get("Retry-After") != "3600" || !strings.Contains(got.body, "too many uploads wait") {
				t.Errorf("beyond the limit: %d %s", got.status, got.body)
			}
			p.uploaded(t, "0123456789", key...) // a repeat is not bounded
			p.session = p.api.session(t, uuid.NewString())
			p.uploaded(t, "0123456789")
		})
	}
}

// An upload that would fill the disk is rejected before or while it is sent.
func TestUpload_NoRoom(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	var free atomic.Int64
	p.media.Space = func() (int64, int64, error) { return free.Load(), 1 << 40, nil }
	rejected := func(when string, got answered) {
		t.Helper()
		if got.status != 429 || got.header.Get("Retry-After") != "60" || !strings.Contains(got.body, "google.rpc.RetryInfo") ||
			!strings.Contains(got.body, "the disk has too little room") {
			t.Errorf("%s: %d %s", when, got.status, got.body)
		}
		running.Until(t, when+": no file is left", func() bool { return len(p.files(t)) == 0 })
	}
	free.Store(1<<30 + 1<<20 - 1)
	rejected("at once", readAnswer(t, p.raw(t, "Content-Length: 1048576"))) // nothing of it is sent
	for name, sent := range map[string][3]string{
		"Length":  {"Content-Length: 10", "01234", "56789"},
		"Chunked": {"Transfer-Encoding: chunked", "5\r\n01234\r\n", "5\r\n56789\r\n0\r\n\r\n"},
	} {
		free.Store(2 << 30)
		conn := p.raw(t, sent[0])
		_, _ = io.WriteString(conn, sent[1])
		running.Until(t, "the upload has begun", func() bool { return len(p.files(t)) == 2 })
		free.Store(1 << 30)
		_, _ = io.WriteString(conn, sent[2])
		rejected(name, readAnswer(t, conn))
	}
	free.Store(1<<30 + 10)
	p.uploaded(t, "0123456789")
}
