package sendemail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"videotutorials/components"
	"videotutorials/internal/test/running"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

const from = "system@videotutorials.test"

func letter() *sendemailv1.Send {
	return &sendemailv1.Send{
		EmailId: "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", To: "ann@example.org", Subject: "Grüße",
		Text: "Hello.\n\nhttp://public.test/?token=a.b&c=d\n", Html: `<p><a href="http://public.test/?token=a.b&amp;c=d">Grüße</a></p>`,
	}
}

// transports returns functions that open each Transport, with a function that returns the
// mail that it delivered.
func transports(t *testing.T) map[string]func(*testing.T) (Transport, func() string) {
	t.Helper()
	return map[string]func(*testing.T) (Transport, func() string){
		"Folder": func(t *testing.T) (Transport, func() string) {
			dir := filepath.Join(t.TempDir(), "mail")
			f, err := OpenFolder(dir, from)
			if err != nil {
				t.Fatal(err)
			}
			return f, func() string {
				entries, err := os.ReadDir(dir)
				if err != nil || len(entries) != 1 || entries[0].Name() != letter().GetEmailId()+".eml" {
					t.Fatalf("folder has %v, %v, want one .eml", entries, err)
				}
				text, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
		},
		"SMTP": func(t *testing.T) (Transport, func() string) {
			p := &peer{}
			s, err := OpenSMTP(p.serve(t), from)
			if err != nil {
				t.Fatal(err)
			}
			return s, func() string { return running.Receive(t, "the mail", p.mails) }
		},
	}
}

// Every Transport delivers the mail, also when it is sent again, and rejects an invalid
// recipient for good.
func TestTransport(t *testing.T) {
	t.Parallel()
	for name, open := range transports(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport, delivered := open(t)
			if transport.From() != from {
				t.Errorf("from %s, want %s", transport.From(), from)
			}
			for range 2 {
				if err := transport.Send(t.Context(), letter()); err != nil {
					t.Fatal(err)
				}
				checkMail(t, delivered())
			}
			bad := letter()
			bad.To = "nobody"
			var permanent *components.PermanentError
			if err := transport.Send(t.Context(), bad); !errors.As(err, &permanent) {
				t.Errorf("to nobody: %v, want a *components.PermanentError", err)
			}
		})
	}
}

func checkMail(t *testing.T, text string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "Grüße" {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"From": "<" + from + ">", "To": "<ann@example.org>",
		"Message-Id": "<" + letter().GetEmailId() + "@videotutorials>",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for _, want := range []struct{ kind, text string }{{"text/plain", letter().GetText()}, {"text/html", letter().GetHtml()}} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || !strings.HasPrefix(part.Header.Get("Content-Type"), want.kind) {
			t.Fatalf("part %s, %v, want %s", part.Header.Get("Content-Type"), err, want.kind)
		}
		if got := strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n")); got != strings.TrimSpace(want.text) {
			t.Errorf("%s: %q, want %q", want.kind, got, want.text)
		}
	}
}

// Replies from 500 on are permanent errors, and errors at the end of the session are no
// errors of the mail.
func TestSMTP_Refusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		peer            peer
		fail, permanent bool
	}{
		"NoSuchMailbox": {peer{replies: map[string]string{"RCPT": "550 no such mailbox"}}, true, true},
		"Greylisted":    {peer{replies: map[string]string{"RCPT": "450 try later"}}, true, false},
		"Busy":          {peer{replies: map[string]string{"MAIL": "421 busy"}}, true, false},
		"Refused":       {peer{replies: map[string]string{"DATA": "554 no"}}, true, true},
		"HangsUp":       {peer{hangUp: "DATA"}, true, false},
		"HangsUpAtQuit": {peer{hangUp: "QUIT"}, false, false},
		"QuitRefused":   {peer{replies: map[string]string{"QUIT": "500 what"}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := OpenSMTP(test.peer.serve(t), from)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Send(t.Context(), letter())
			var permanent *components.PermanentError
			if (err != nil) != test.fail || errors.As(err, &permanent) != test.permanent {
				t.Errorf("send: %v, want failure %v, permanent %v", err, test.fail, test.permanent)
			}
		})
	}
}

// Send ends with its context even if the server does not reply.
func TestSMTP_Silent(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"EHLO", "RCPT", "QUIT"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			p := peer{silent: word, silenced: make(chan struct{}, 1)}
			s, err := OpenSMTP(p.serve(t), from)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			go func() {
				<-p.silenced
				stop()
			}()
			start := time.Now()
			err = s.Send(ctx, letter())
			if delivered := word == "QUIT"; (err == nil) != delivered {
				t.Errorf("send: %v, delivered is %v", err, delivered)
			}
			if took := time.Since(start); took > timeout/4 {
				t.Errorf("stopped after %v", took)
			}
		})
	}
}

func TestSMTP_NoServer(t *testing.T) {
	t.Parallel()
	s, err := OpenSMTP("smtp://127.0.0.1:1", from)
	if err != nil {
		t.Fatal(err)
	}
	var permanent *components.PermanentError
	if err := s.Send(t.Context(), letter()); err == nil || errors.As(err, &permanent) {
		t.Errorf("send: %v, want an error that is not permanent", err)
	}
}

func TestOpenSMTP(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"smtp://mail.test": true, "smtps://user:secret@mail.test:4650": true, "smtp://user@mail.test:587": true,
		"http://mail.test": false, "smtp://": false, "mail.test:25": false, "smtp://user:secret@mail.test:port": false,
	} {
		_, err := OpenSMTP(address, from)
		if (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error contains the password: %v", address, err)
		}
	}
}

func TestTransport_InvalidSender(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", "no-reply", "a@b.test, c@d.test"} {
		if _, err := OpenSMTP("smtp://mail.test", wrong); err == nil {
			t.Errorf("OpenSMTP accepts the sender %q", wrong)
		}
		if _, err := OpenFolder(t.TempDir(), wrong); err == nil {
			t.Errorf("OpenFolder accepts the sender %q", wrong)
		}
	}
}

// An id that is a path is rejected.
func TestFolder_InvalidID(t *testing.T) {
	t.Parallel()
	f, err := OpenFolder(t.TempDir(), from)
	if err != nil {
		t.Fatal(err)
	}
	bad := letter()
	bad.EmailId = "../../etc/mail"
	var permanent *components.PermanentError
	if err := f.Send(t.Context(), bad); !errors.As(err, &permanent) {
		t.Errorf("send: %v, want a *components.PermanentError", err)
	}
}

// A body is not encoded if possible, so that links can be copied from the file.
func TestCompose_Encoding(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"see http://here.test/a?b=c": "see http://here.test/a?b=c",
		"grüße":                      "gr=C3=BC=C3=9Fe",
		strings.Repeat("x", 999):     "=\r\n",
	} {
		mail := letter()
		mail.Text = text
		msg, err := compose(mail, from)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := msg.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%.40q is encoded as\n%s", text, b.String())
		}
	}
}
