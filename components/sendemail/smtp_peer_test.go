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

// A peer is a mail server with scripted replies.
type peer struct {
	// replies are the replies to commands, by their first word. Other commands succeed.
	replies map[string]string
	// hangUp is the command at which the peer closes the connection.
	hangUp string
	// silent is the command to which the peer does not reply; it sends to silenced instead.
	silent   string
	silenced chan struct{}
	// mails receives the accepted mails.
	mails chan string
}

// serve serves until the test ends and returns the URL of the peer.
func (p *peer) serve(t *testing.T) string {
	t.Helper()
	p.mails = make(chan string, 100)
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			sessions.Go(func() { p.session(conn) })
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		sessions.Wait()
	})
	return "smtp://" + listener.Addr().String()
}

func (p *peer) session(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the test checks the mails
	text := textproto.NewReader(bufio.NewReader(conn))
	reply := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	reply("220 peer")
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		word, _, _ := strings.Cut(strings.ToUpper(line), " ")
		scriptedReply, scripted := p.replies[word]
		switch {
		case word == p.hangUp:
			return
		case word == p.silent:
			p.silenced <- struct{}{}
		case scripted:
			reply(scriptedReply)
		case word == "DATA":
			reply("354 continue")
			mail, err := text.ReadDotBytes()
			if err != nil {
				return
			}
			p.mails <- string(mail)
			reply("250 accepted")
		case word == "QUIT":
			reply("221 bye")
			return
		default:
			reply("250 ok")
		}
	}
}
