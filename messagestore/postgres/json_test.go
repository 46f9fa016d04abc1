package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/test/testdb"
)

// FuzzJSONSize compares jsonSize with Postgres: accepted text can be stored and
// prints in no more bytes than returned.
func FuzzJSONSize(f *testing.F) {
	for _, text := range []string{
		`{}`, ` {"a" : [1, 2.50, -3e2, true, null, "x\n\u00e9\ud83d\ude00"]} `, `{"a":{"b":{}}}`, `{"a":1e308}`, `{"a":-1e-300}`,
		`{"a":0.000}`, `{"a":-0}`, `{"a":0e5}`, `{"a":1E+2}`, `{"a":123e-2}`, `{"a":1e-16383}`, `{"a":1e131071}`, `{"a":"\u0000"}`, `{"a":"\ud800"}`,
		`{"a":"\ud800\u0041"}`, `{"a":"\u001f\u007f/"}`, `{"a":"\/\b\f\r\t\"\\"}`, "{\"a\":\"\x00\"}", "{\"\xff\":1}", `{"a":1,"a":2}`, `{"a":1,"b":2}`,
		`[1]`, `{"a"}`, `{"a":}`, `{"a":1}x`, `{a:1}`, `{"a":01}`, `{"a":1.}`, `{"a":--1}`, `{"a":1e}`, `{"a":tru}`, `{"\u00":1}`, `{"a":"\x"}`,
		strings.Repeat(`{"a":`, 101) + `1` + strings.Repeat(`}`, 101), "{\"\u2028\":\"\u00a0\ufeff\"}", "\u00a0{}", "{}\v", `{}{}`, `{"\u0000":1}`,
	} {
		f.Add(text)
	}
	url := testdb.New(f, "empty", func(context.Context, string) error { return nil })
	conn, err := pgx.Connect(f.Context(), url)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = conn.Close(context.Background()) })
	f.Fuzz(func(t *testing.T, text string) {
		size, rejected := jsonSize(text)
		var printed string
		err := conn.QueryRow(t.Context(), "select $1::text::jsonb::text", text).Scan(&printed)
		if conn.IsClosed() {
			t.Fatalf("%q closed the connection: %v", text, err)
		}
		if rejected == nil && err != nil {
			t.Errorf("%q is accepted, Postgres returns %v", text, err)
		}
		if rejected == nil && len(printed) > size {
			t.Errorf("%q prints in %d bytes, expected at most %d", text, len(printed), size)
		}
	})
}

// TestJSONSize checks the exact size, which counts for the limit of a message, and
// the rejected texts.
func TestJSONSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{}`: 2, ` { "a" : [ true , null,{}] , "b":"\u00e9\n\u0001/" } `: len(`{"a": [true, null, {}], "b": "é\n\u0001/"}`),
		`{"a":12.50}`: len(`{"a": -0.1250}`), strings.Repeat(`{"a":`, 99) + `{}` + strings.Repeat(`}`, 99): 99*len(`{"a": }`) + 2,
	} {
		if size, err := jsonSize(text); err != nil || size != want {
			t.Errorf("%s: size %d, %v, want %d", text, size, err, want)
		}
	}
	for _, text := range []string{
		``, `[]`, `{"a":1}{}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":"\u0000"}`, `{"a":"\ud800"}`, `{"a":1e309}`, `{"a":0e409}`, `{"a":1e-409}`,
		`{"a":` + strings.Repeat("1", 101) + `}`, strings.Repeat(`{"a":`, 101) + `1` + strings.Repeat(`}`, 101), "{\"\xff\":1}",
	} {
		if size, err := jsonSize(text); err == nil {
			t.Errorf("%q is accepted, size %d", text, size)
		}
	}
}
