package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxDepth is far below the stack of a Postgres backend.
	maxDepth = 100
	// maxDigits bounds the digits of a number as it is written.
	maxDigits = 100
	// maxNumber bounds the value of a number: 1e131071 takes 8 bytes in a request
	// and 131,072 when Postgres prints it.
	maxNumber = 1e308
	// maxScale bounds the digits after the point when printed, for the same reason.
	maxScale = 308 + maxDigits
)

var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// jsonSize checks that text is one JSON object that Postgres can store as jsonb.
// It returns an upper bound of its size in bytes when Postgres prints it, which is
// exact except for numbers with an exponent.
//
// It rejects invalid UTF-8, U+0000 and lone surrogates (also escaped), duplicate
// keys, more than 100 levels, and numbers beyond 1e308, of more than 100 digits or
// of more than 408 decimal places. jsonb itself accepts less than encoding/json.
func jsonSize(text string) (size int, err error) {
	decoder := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(decoder)
	decoder.Reset(bytes.NewBufferString(text))
	if decoder.PeekKind() != '{' {
		return 0, errors.New("must be a JSON object")
	}
	for {
		token, err := decoder.ReadToken()
		if err == io.EOF { //nolint:errorlint // as documented
			return size, nil
		}
		n := 0
		if err == nil {
			n, err = tokenSize(token)
		}
		depth, kind := decoder.StackDepth(), token.Kind()
		opens, closes := kind == '{' || kind == '[', kind == '}' || kind == ']'
		if opens {
			depth-- // of the enclosing value
		}
		switch {
		case err != nil:
		case opens && depth == maxDepth:
			err = fmt.Errorf("more than %d levels", maxDepth)
		case !closes && depth == 0 && size > 0:
			err = errors.New("more than one value")
		}
		if err != nil {
			return 0, fmt.Errorf("is not a JSON object that can be stored, at byte %d: %w", decoder.InputOffset(), err)
		}
		size += n
		if _, nth := decoder.StackIndex(depth); depth > 0 && nth > 1 && !closes {
			size += 2 // a colon or a comma, and a space
		}
	}
}

// tokenSize returns the number of bytes with which Postgres prints the token.
func tokenSize(token jsontext.Token) (size int, err error) {
	switch token.Kind() {
	case '"':
		size = len(`""`)
		for _, r := range token.String() {
			switch {
			case r == 0:
				return 0, errors.New(`\u0000 cannot be stored`)
			case r == '"', r == '\\', r == '\b', r == '\f', r == '\n', r == '\r', r == '\t':
				size += len(`\n`)
			case r < ' ':
				size += len(`\u0001`)
			default:
				size += utf8.RuneLen(r)
			}
		}
		return size, nil
	case '0':
		return numberSize(token.String())
	case 't', 'f', 'n':
		return len(token.String()), nil
	}
	return 1, nil // a bracket
}

// numberSize returns the number of bytes with which Postgres prints the number.
func numberSize(text string) (int, error) {
	text = strings.TrimPrefix(text, "-")
	mantissa, scale, scaled := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent := 0
	value, err := strconv.ParseFloat(text, 64)
	if err == nil && scaled {
		exponent, err = strconv.Atoi(scale)
	}
	switch {
	case err != nil, value > maxNumber, exponent > maxScale:
		return 0, fmt.Errorf("a number beyond %g", maxNumber)
	case len(whole)+len(fraction) > maxDigits:
		return 0, fmt.Errorf("a number of more than %d digits", maxDigits)
	case len(fraction)-exponent > maxScale:
		return 0, fmt.Errorf("a number of more than %d decimal places", maxScale)
	}
	return len("-0.") + max(len(whole)+exponent, 1) + max(len(fraction)-exponent, 0), nil
}
