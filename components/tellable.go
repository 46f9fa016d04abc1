package components

import (
	"strings"
	"unicode/utf8"
)

// mostToTell bounds what an error tells a user, in bytes.
const mostToTell = 1000

// tellable is an error of the outside world whose text can be stored: what a mail
// server answers may be any bytes.
type tellable struct{ error }

func (t tellable) Error() string {
	text := t.error.Error()
	if len(text) > mostToTell {
		text = text[:mostToTell] + "…"
	}
	// Not even a replaced character in the middle: the cut may be through one.
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r == 0 {
			return '?'
		}
		return r
	}, text)
}

func (t tellable) Unwrap() error { return t.error }
