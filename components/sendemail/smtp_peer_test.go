package sendemail

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// A peer is a mail server that follows a script.
type peer struct {
	// replies are its answers to a command, by its first word; else it takes it.
	replies map[string]string
	// vanish, if set, has it close the connection at that command.
	vanish string
	// silent, if set, has it say nothing to that command; silenced is told of it.
	silent   string
	silenced chan struct{}
	// mails receives what it has taken.
	mails chan string
}

// serve serves until the test ends and returns the peer's URL.
func (p *peer) serve(t *testing.T) string {
	t.Helper()
	p.mails = make(chan string, 100)
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var going sync.WaitGroup
	going.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			going.Go(func() { p.talk(conn) })
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		going.Wait()
	})
	return "smtp://" + listener.Addr().String()
}

func (p *peer) talk(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the test looks at the mails
	text := textproto.NewReader(bufio.NewReader(conn))
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 peer")
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		word, _, _ := strings.Cut(strings.ToUpper(line), " ")
		reply, scripted := p.replies[word]
		switch {
		case word == p.vanish:
			return
		case word == p.silent:
			p.silenced <- struct{}{}
		case scripted:
			say(reply)
		case word == "DATA":
			say("354 go on")
			mail, err := text.ReadDotBytes()
			if err != nil {
				return
			}
			p.mails <- string(mail)
			say("250 taken")
		case word == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
