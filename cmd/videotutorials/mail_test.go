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

// A letter is a received mail.
type letter struct {
	header     mail.Header
	text, html string
}

// to returns the address of the recipient, id the Message-ID.
func (l letter) to() string { return strings.Trim(l.header.Get("To"), "<>") }
func (l letter) id() string { return l.header.Get("Message-Id") }

// link returns the link that confirms a registration, which must be in both parts.
func (l letter) link(t *testing.T) string {
	t.Helper()
	link := regexp.MustCompile(`http://\S+:confirm\?token=[\w.-]+`).FindString(l.text)
	if link == "" || !strings.Contains(l.html, `href="`+link+`"`) {
		t.Fatalf("the mail has no link in both parts:\n%s\n%s", l.text, l.html)
	}
	return link
}

// readLetter parses a letter, which must have a part of text and one of HTML.
func readLetter(text []byte) (letter, error) {
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return letter{}, err
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return letter{}, fmt.Errorf("content type %s: %w", kind, err)
	}
	l := letter{header: m.Header}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for _, want := range []struct {
		kind string
		body *string
	}{{"text/plain", &l.text}, {"text/html", &l.html}} {
		part, err := parts.NextPart() // decodes quoted-printable
		if err != nil {
			return letter{}, fmt.Errorf("part %s: %w", want.kind, err)
		}
		body, err := io.ReadAll(part)
		if kind := part.Header.Get("Content-Type"); err != nil || !strings.HasPrefix(kind, want.kind) {
			return letter{}, fmt.Errorf("part of type %s, want %s: %w", kind, want.kind, err)
		}
		*want.body = string(body)
	}
	return l, nil
}

// mails returns the mails that were written to the data folder.
func (s *system) mails() (letters []letter) {
	s.t.Helper()
	return s.letters(filepath.Join(string(s.data), "mail", "*.eml"))
}

// letters returns the mails in the files of the pattern.
func (s *system) letters(pattern string) (letters []letter) {
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
		l, err := readLetter(text)
		if err != nil {
			s.t.Fatalf("%s: %v", path, err)
		}
		letters = append(letters, l)
	}
	return letters
}
