package main

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A receivedMail is a parsed mail.
type receivedMail struct {
	header     mail.Header
	text, html string
}

// to returns the address of the recipient, id the Message-ID.
func (l receivedMail) to() string { return strings.Trim(l.header.Get("To"), "<>") }
func (l receivedMail) id() string { return l.header.Get("Message-Id") }

// link returns the confirmation link, which must be in both parts.
func (l receivedMail) link(t *testing.T) string {
	t.Helper()
	link := regexp.MustCompile(`http://\S+:confirm\?token=[\w.-]+`).FindString(l.text)
	if link == "" || !strings.Contains(l.html, `href="`+link+`"`) {
		t.Fatalf("the mail has no link in both parts:\n%s\n%s", l.text, l.html)
	}
	return link
}

// parseMail parses a multipart/alternative mail with a text part and an HTML part.
func parseMail(text []byte) (receivedMail, error) {
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return receivedMail{}, err
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return receivedMail{}, fmt.Errorf("content type %s: %w", kind, err)
	}
	l := receivedMail{header: m.Header}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for _, want := range []struct {
		kind string
		body *string
	}{{"text/plain", &l.text}, {"text/html", &l.html}} {
		part, err := parts.NextPart() // decodes quoted-printable
		if err != nil {
			return receivedMail{}, fmt.Errorf("part %s: %w", want.kind, err)
		}
		body, err := io.ReadAll(part)
		if kind := part.Header.Get("Content-Type"); err != nil || !strings.HasPrefix(kind, want.kind) {
			return receivedMail{}, fmt.Errorf("part of type %s, want %s: %w", kind, want.kind, err)
		}
		*want.body = string(body)
	}
	return l, nil
}

// mails returns the mails that were written to the data folder.
func (s *system) mails() (mails []receivedMail) {
	s.t.Helper()
	return s.mailsIn(filepath.Join(string(s.data), "mail", "*.eml"))
}

// mailsIn returns the mails in the files that match the pattern.
func (s *system) mailsIn(pattern string) (mails []receivedMail) {
	s.t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		l, err := parseMail(text)
		if err != nil {
			s.t.Fatalf("%s: %v", path, err)
		}
		mails = append(mails, l)
	}
	return mails
}
