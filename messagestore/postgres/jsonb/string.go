package jsonb

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// string walks over a string and returns its value.
func (s *scanner) string() (string, error) {
	s.at++
	s.size += 2
	var b strings.Builder
	for {
		switch c := s.peek(); {
		case c == '"':
			s.at++
			return b.String(), nil
		case s.at >= len(s.text):
			return "", s.errorf("a string has no end")
		case c < ' ':
			return "", s.errorf("a control character in a string must be escaped")
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			s.size += printed(r)
			b.WriteRune(r)
		default:
			r, n := utf8.DecodeRuneInString(s.text[s.at:])
			s.at += n
			s.size += printed(r)
			b.WriteRune(r)
		}
	}
}

// printed returns how many bytes Postgres prints a rune of a string with.
func printed(r rune) int {
	switch {
	case strings.ContainsRune("\"\\\b\f\n\r\t", r):
		return len(`\n`)
	case r < ' ':
		return len(`\u0001`)
	}
	return utf8.RuneLen(r)
}

// escape walks over a backslash and what belongs to it.
func (s *scanner) escape() (rune, error) {
	s.at++
	c := s.peek()
	if c == 'u' {
		return s.unicode()
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 || c == 0 {
		return 0, s.errorf(`\%c is no escape`, c)
	}
	s.at++
	return rune("\"\\/\b\f\n\r\t"[i]), nil
}

// unicode walks over `u` and its four digits, and over the other half of a pair.
func (s *scanner) unicode() (rune, error) {
	r, err := s.unit()
	if err != nil {
		return 0, err
	}
	if r == 0 {
		return 0, s.errorf(`\u0000 cannot be stored`)
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if !strings.HasPrefix(s.text[s.at:], `\u`) {
		return 0, s.errorf("a lone surrogate cannot be stored")
	}
	s.at++
	low, err := s.unit()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, s.errorf("a lone surrogate cannot be stored")
	}
	return r, nil
}

func (s *scanner) unit() (rune, error) {
	s.at++
	if s.at+4 > len(s.text) {
		return 0, s.errorf(`\u needs four digits`)
	}
	n, err := strconv.ParseUint(s.text[s.at:s.at+4], 16, 16)
	if err != nil {
		return 0, s.errorf(`\u needs four digits`)
	}
	s.at += 4
	return rune(n), nil
}
