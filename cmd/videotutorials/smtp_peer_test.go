package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A mailServer is an SMTP server that a test controls.
type mailServer struct {
	t    *testing.T
	addr string
	// socket is bound and does not listen yet: connections are rejected.
	socket int
	// rejected is an address that the server rejects permanently. hold, if set, is called
	// with each mail before it is acknowledged.
	rejected string
	hold     func(receivedMail)

	mu    sync.Mutex
	mails []receivedMail
}

// newMailServer returns a server that is down and has reserved its address.
func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{t: t, socket: socket}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	inet := name.(*syscall.SockaddrInet4)
	m.addr = (&net.TCPAddr{IP: inet.Addr[:], Port: inet.Port}).String()
	return m
}

// setting returns the setting of components for the server.
func (m *mailServer) setting() string { return "VT_SMTP_URL=smtp://" + m.addr }

// up serves until the test ends.
func (m *mailServer) up() {
	m.t.Helper()
	if err := syscall.Listen(m.socket, 128); err != nil {
		m.t.Fatal(err)
	}
	file := os.NewFile(uintptr(m.socket), "mail server")
	listener, err := net.FileListener(file)
	if err != nil {
		m.t.Fatal(err)
	}
	_ = file.Close() // the listener has a copy
	ctx, stop := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			going.Go(func() { m.talk(conn) })
		}
	})
	m.t.Cleanup(func() {
		stop()
		_ = listener.Close()
		going.Wait()
	})
}

// talk serves one connection.
func (m *mailServer) talk(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // only the received mails matter
	text := textproto.NewReader(bufio.NewReader(conn))
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 test")
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		switch word, _, _ := strings.Cut(strings.ToUpper(line), " "); {
		case m.rejected != "" && word == "RCPT" && strings.Contains(line, m.rejected):
			say("550 no such mailbox")
		case word == "DATA":
			say("354 go on")
			body, err := text.ReadDotBytes()
			if err != nil {
				return
			}
			m.take(body)
			say("250 taken")
		case word == "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func (m *mailServer) take(body []byte) {
	l, err := parseMail(body)
	if err != nil {
		m.t.Errorf("invalid mail: %v", err)
	}
	m.mu.Lock()
	m.mails = append(m.mails, l)
	m.mu.Unlock()
	if m.hold != nil {
		m.hold(l)
	}
}

// taken returns the mails by Message-ID.
func (m *mailServer) taken() map[string][]receivedMail {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := map[string][]receivedMail{}
	for _, l := range m.mails {
		taken[l.id()] = append(taken[l.id()], l)
	}
	return taken
}
