package service

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type example struct {
	Port     int           `name:"port" env:"VT_PORT" default:"8080" help:"first port"`
	Database string        `name:"database-url" env:"VT_DATABASE_URL" help:"the database"`
	Insecure bool          `name:"insecure" env:"VT_INSECURE" help:"no TLS"`
	Only     []string      `name:"only" env:"VT_ONLY" help:"a part"`
	Wait     time.Duration `name:"wait" env:"VT_WAIT" default:"2s" help:"how long"`
}

// runExample runs a program of one command and returns its exit code, its
// settings as it saw them, and what it said.
func runExample(env map[string]string, args []string, run func(context.Context) error) (int, example, string) {
	var settings example
	var said bytes.Buffer
	lookup := func(name string) string { return env[name] }
	serve := Command{Name: "serve", Help: "serves", Settings: &settings,
		Run: func(ctx context.Context, _ *slog.Logger, _ []string) error { return run(ctx) }}
	p := process{"example", []Command{serve}, lookup, &said}
	return p.run(context.Background(), append([]string{"serve"}, args...)), settings, said.String()
}

func fine(context.Context) error { return nil }

func TestSettings(t *testing.T) {
	t.Parallel()
	code, got, said := runExample(
		map[string]string{"VT_PORT": "9000", "VT_WAIT": "5s", "VT_DATABASE_URL": "postgres://me:secret@host/db"},
		[]string{"-port", "9100", "-insecure", "-only", "a,b"}, fine)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if got.Port != 9100 || got.Wait != 5*time.Second || !got.Insecure || strings.Join(got.Only, "+") != "a+b" {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(said, "secret") {
		t.Errorf("the password is in the log: %s", said)
	}
	if !strings.Contains(said, "port=9100") {
		t.Errorf("the settings are not in the log: %s", said)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"127.0.0.1:8090":                      "127.0.0.1:8090",
		"postgres://me:secret@host/db":        "postgres://me:xxxxx@host/db",
		"postgres:///db?password=secret&port": "postgres:///db?password=xxxxx&port",
		"host=/run password=secret user=me":   "host=/run password=xxxxx user=me",
		// As people write them, and no parser takes them.
		"postgres://me:50%off@host/db":        "postgres://me:xxxxx@host/db",
		"postgres://me:se/cr@et@host:5432/db": "postgres://me:xxxxx@host:5432/db",
		"postgres://me:123/456@host/db":       "postgres://me:xxxxx@host/db",
		"smtp://me:se#cret@host:587":          "smtp://me:xxxxx@host:587",
		"smtp://me@host:587":                  "smtp://me@host:587",
		"https://host:8080/a?b=c":             "https://host:8080/a?b=c",
		"user=me Password = secret host=h":    "user=me Password = xxxxx host=h",
		`password='my \'secret\' x' host=h`:   "password=xxxxx host=h",
		`password=se\ cret&more host=h`:       "password=xxxxx host=h",
		"password=a&b://c:d host=h":           "password=xxxxx host=h",
		"sslpassword=secret":                  "sslpassword=xxxxx",
	} {
		if got := redact(value); got != want {
			t.Errorf("redact(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestSettings_Defaults(t *testing.T) {
	t.Parallel()
	_, got, _ := runExample(nil, nil, fine)
	if got.Port != 8080 || got.Wait != 2*time.Second || got.Insecure || got.Only != nil {
		t.Errorf("got %+v", got)
	}
}

// Settings of an embedded struct are the command's, and settings may stand behind
// and between the other arguments.
func TestSettings_Embedded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ args, port, rest string }{
		{"-port 9100 a b", "9100", "a b"},
		{"a -port 9100 b -insecure", "9100", "a b"},
		{"a - b", "8080", "a - b"},
		{"a -- -port 9100", "8080", "a -port 9100"},
		{"-- a -- b", "8080", "a -- b"},
		{"", "8080", ""},
	} {
		var outer struct{ example }
		s, err := read(func(string) string { return "" }, strings.Fields(test.args), &outer)
		if err != nil || strconv.Itoa(outer.Port) != test.port || strings.Join(s.rest, " ") != test.rest {
			t.Errorf("%s: port %d, rest %q, %v", test.args, outer.Port, s.rest, err)
		}
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  map[string]string
		args []string
		run  func(context.Context) error
		code int
		said string
	}{
		{name: "Ended", run: fine, code: 0},
		{name: "Failed", run: func(context.Context) error { return errors.New("disk is gone") }, code: 1, said: "disk is gone"},
		{name: "WrongArguments", run: func(context.Context) error { return &UsageError{"no stream"} }, code: 2, said: "no stream"},
		{name: "Exit", run: func(context.Context) error { return &ExitError{3, errors.New("disk is gone")} }, code: 3, said: "disk is gone"},
		{name: "UnknownFlag", args: []string{"-colour"}, run: fine, code: 2, said: "-colour"},
		{name: "ArgumentTooMany", args: []string{"now"}, run: fine, code: 2, said: "now"},
		{name: "BadFlag", args: []string{"-port", "many"}, run: fine, code: 2, said: `"many"`},
		{name: "BadVariable", env: map[string]string{"VT_WAIT": "long"}, run: fine, code: 2, said: "VT_WAIT"},
		{name: "EmptyVariables", env: map[string]string{"VT_WAIT": "", "VT_LOG": ""}, run: fine, code: 0},
		{name: "BadLog", env: map[string]string{"VT_LOG": "xml"}, run: fine, code: 2, said: "xml"},
		{name: "Help", args: []string{"-help"}, run: fine, code: 0, said: "first port (VT_PORT), default 8080"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, _, said := runExample(test.env, test.args, test.run)
			if code != test.code || !strings.Contains(said, test.said) {
				t.Errorf("exit code %d, want %d; said %q, want %q in it", code, test.code, said, test.said)
			}
		})
	}
}

func TestExitCode_Signal(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := process{"example", []Command{{Run: func(ctx context.Context, _ *slog.Logger, _ []string) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}}}, func(string) string { return "" }, &bytes.Buffer{}}
	if code := p.run(ctx, nil); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// The code that a command has chosen stands, whatever is below it, and what has no
// words is not said.
func TestExitError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		err  error
		said string
	}{
		{&ExitError{2, context.Canceled}, "example: context canceled\n"},
		{&ExitError{2, &UsageError{"no log"}}, "example: no log\n"},
		{&ExitError{2, nil}, ""},
	} {
		var said bytes.Buffer
		run := func(context.Context, *slog.Logger, []string) error { return test.err }
		p := process{"example", []Command{{Tool: true, Run: run}}, func(string) string { return "" }, &said}
		if code := p.run(ctx, nil); code != 2 || said.String() != test.said {
			t.Errorf("%v: exit code %d, want 2; said %q, want %q", test.err, code, said.String(), test.said)
		}
	}
}

func TestCommand_None(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"dance"}, {"-port", "1"}} {
		var said bytes.Buffer
		p := process{"example", []Command{{Name: "serve", Help: "serves"}}, nil, &said}
		if code := p.run(t.Context(), args); code != 2 || !strings.Contains(said.String(), "serve") {
			t.Errorf("%q: exit code %d, said %q", args, code, said.String())
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	known := []string{"b", "a", "c"}
	for _, test := range []struct{ names, want []string }{
		{nil, []string{"a", "b", "c"}}, {[]string{"c"}, []string{"c"}}, {[]string{"c", " a", "a"}, []string{"a", "c"}},
	} {
		if got, err := Choose("letter", known, test.names); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q: %q %v, want %q", test.names, got, err, test.want)
		}
	}
	var usage *UsageError
	if _, err := Choose("letter", known, []string{"a", "d"}); !errors.As(err, &usage) || usage.Reason != `there is no letter "d": a, b, c` {
		t.Errorf("%v, want a *UsageError", err)
	}
}
