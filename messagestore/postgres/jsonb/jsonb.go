// Package jsonb tells whether Postgres can hold a JSON text as jsonb, and how
// long it will be when Postgres prints it. It refuses what jsonb refuses (which
// is more than encoding/json does) and what would blow up.
package jsonb

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxDepth keeps far below what a Postgres backend has stack for.
	maxDepth = 100
	// maxDigits bounds the digits that a number is written with.
	maxDigits = 100
	// maxNumber bounds a number's value: 1e131071 is 8 bytes in a request and
	// 131,072 when Postgres prints it.
	maxNumber = 1e308
	// maxScale bounds the digits after the point in print, for the same reason.
	maxScale = 308 + maxDigits
)

// Object checks that text is one JSON object that Postgres can hold as jsonb,
// and returns an upper bound of the bytes that it has when Postgres prints it:
// exact but for numbers written with an exponent.
//
// Refused are: invalid UTF-8, U+0000 and lone surrogates (also escaped),
// duplicate keys, a depth over 100, numbers beyond 1e308, of more than 100
// digits or more than 408 decimal places, and whatever is not an object.
func Object(text string) (size int, err error) {
	if !utf8.ValidString(text) {
		return 0, fmt.Errorf("is not UTF-8")
	}
	s := scanner{text: text}
	s.space()
	if s.peek() != '{' {
		return 0, fmt.Errorf("must be a JSON object")
	}
	if err := s.value(1); err != nil {
		return 0, err
	}
	if s.space(); s.at < len(text) {
		return 0, s.errorf("something follows the object")
	}
	return s.size, nil
}

// A scanner walks over a text and adds up the size of its print.
type scanner struct {
	text string
	at   int
	size int
}

func (s *scanner) errorf(format string, a ...any) error {
	return fmt.Errorf("is not JSON that can be stored, at byte %d: %s", s.at, fmt.Sprintf(format, a...))
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case (c == '{' || c == '[') && depth > maxDepth:
		return s.errorf("deeper than %d levels", maxDepth)
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.array(depth)
	case c == '"':
		_, err := s.string()
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(s.text[s.at:], word) {
			s.at += len(word)
			s.size += len(word)
			return nil
		}
	}
	return s.errorf("a value is missing")
}

func (s *scanner) object(depth int) error {
	keys := map[string]bool{}
	return s.list('}', func() error {
		if s.peek() != '"' {
			return s.errorf("a key is missing")
		}
		key, err := s.string()
		if err != nil {
			return err
		}
		if keys[key] {
			return s.errorf("key %.64q comes twice", key)
		}
		keys[key] = true
		if s.space(); s.peek() != ':' {
			return s.errorf("a colon is missing")
		}
		s.at++
		s.space()
		s.size += len(": ")
		return s.value(depth + 1)
	})
}

func (s *scanner) array(depth int) error {
	return s.list(']', func() error { return s.value(depth + 1) })
}

// list walks over what stands between an opening bracket and its closing one.
func (s *scanner) list(closing byte, element func() error) error {
	s.at++
	s.size += 2
	if s.space(); s.peek() == closing {
		s.at++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case closing:
			s.at++
			return nil
		case ',':
			s.at++
			s.size += len(", ")
			s.space()
		default:
			return s.errorf("%q or a comma is missing", closing)
		}
	}
}

// number walks over a number and judges how it would print.
func (s *scanner) number() error {
	start := s.at
	if s.peek() == '-' {
		s.at++
	}
	whole := s.digits()
	if whole == 0 || whole > 1 && s.text[s.at-whole] == '0' {
		return s.errorf("not a number")
	}
	fraction, exponent := 0, 0
	if s.peek() == '.' {
		s.at++
		if fraction = s.digits(); fraction == 0 {
			return s.errorf("not a number")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		sign := s.at
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if s.digits() == 0 {
			return s.errorf("not a number")
		}
		var err error
		if exponent, err = strconv.Atoi(s.text[sign:s.at]); err != nil {
			return s.errorf("a number beyond %g", float64(maxNumber))
		}
	}
	if whole+fraction > maxDigits {
		return s.errorf("a number of more than %d digits", maxDigits)
	}
	value, err := strconv.ParseFloat(s.text[start:s.at], 64)
	if err != nil || value > maxNumber || value < -maxNumber || exponent > maxScale {
		return s.errorf("a number beyond %g", float64(maxNumber))
	}
	if fraction-exponent > maxScale {
		return s.errorf("a number of more than %d decimal places", maxScale)
	}
	s.size += len("-0.") + max(whole+exponent, 1) + max(fraction-exponent, 0)
	return nil
}

func (s *scanner) digits() int {
	start := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at - start
}
