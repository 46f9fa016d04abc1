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

// runExample runs a program of one command and returns its exit code, its settings and
// its output.
func runExample(env map[string]string, args []string, run func(context.Context) error) (int, example, string) {
	var settings example
	var output bytes.Buffer
	lookup := func(name string) string { return env[name] }
	serve := Command{Name: "serve", Help: "serves", Settings: &settings,
		Run: func(ctx context.Context, _ *slog.Logger, _ []string) error { return run(ctx) }}
	p := process{"example", []Command{serve}, lookup, &output}
	return p.run(context.Background(), append([]string{"serve"}, args...)), settings, output.String()
}

func fine(context.Context) error { return nil }

func TestSettings(t *testing.T) {
	t.Parallel()
	code, got, output := runExample(
		map[string]string{"VT_PORT": "9000", "VT_WAIT": "5s", "VT_DATABASE_URL": "postgres://me:secret@host/db"},
		[]string{"-port", "9100", "-insecure", "-only", "a,b"}, fine)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, output)
	}
	if got.Port != 9100 || got.Wait != 5*time.Second || !got.Insecure || strings.Join(got.Only, "+") != "a+b" {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(output, "secret") {
		t.Errorf("the password is in the log: %s", output)
	}
	if !strings.Contains(output, "port=9100") {
		t.Errorf("the settings are not in the log: %s", output)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"127.0.0.1:8090":                      "127.0.0.1:8090",
		"postgres://me:secret@host/db":        "postgres://me:xxxxx@host/db",
		"postgres:///db?password=secret&port": "postgres:///db?password=xxxxx&port",
		"host=/run password=secret user=me":   "host=/run password=xxxxx user=me",
		// Malformed, but in use.
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

// Fields of an embedded struct are settings, and flags may follow other arguments.
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
		name   string
		env    map[string]string
		args   []string
		run    func(context.Context) error
		code   int
		output string
	}{
		{name: "Ended", run: fine, code: 0},
		{name: "Failed", run: func(context.Context) error { return errors.New("disk is gone") }, code: 1, output: "disk is gone"},
		{name: "WrongArguments", run: func(context.Context) error { return &UsageError{"no stream"} }, code: 2, output: "no stream"},
		{name: "Exit", run: func(context.Context) error { return &ExitError{3, errors.New("disk is gone")} }, code: 3, output: "disk is gone"},
		{name: "UnknownFlag", args: []string{"-colour"}, run: fine, code: 2, output: "-colour"},
		{name: "ArgumentTooMany", args: []string{"now"}, run: fine, code: 2, output: "now"},
		{name: "BadFlag", args: []string{"-port", "many"}, run: fine, code: 2, output: `"many"`},
		{name: "BadVariable", env: map[string]string{"VT_WAIT": "long"}, run: fine, code: 2, output: "VT_WAIT"},
		{name: "EmptyVariables", env: map[string]string{"VT_WAIT": "", "VT_LOG": ""}, run: fine, code: 0},
		{name: "BadLog", env: map[string]string{"VT_LOG": "xml"}, run: fine, code: 2, output: "xml"},
		{name: "Help", args: []string{"-help"}, run: fine, code: 0, output: "first port (VT_PORT), default 8080"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, _, output := runExample(test.env, test.args, test.run)
			if code != test.code || !strings.Contains(output, test.output) {
				t.Errorf("exit code %d, want %d; output %q, want %q in it", code, test.code, output, test.output)
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

// The exit code is that of the ExitError, which is printed only if it has an error.
func TestExitError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		err    error
		output string
	}{
		{&ExitError{2, context.Canceled}, "example: context canceled\n"},
		{&ExitError{2, &UsageError{"no log"}}, "example: no log\n"},
		{&ExitError{2, nil}, ""},
	} {
		var output bytes.Buffer
		run := func(context.Context, *slog.Logger, []string) error { return test.err }
		p := process{"example", []Command{{Tool: true, Run: run}}, func(string) string { return "" }, &output}
		if code := p.run(ctx, nil); code != 2 || output.String() != test.output {
			t.Errorf("%v: exit code %d, want 2; output %q, want %q", test.err, code, output.String(), test.output)
		}
	}
}

func TestCommand_None(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"dance"}, {"-port", "1"}} {
		var output bytes.Buffer
		p := process{"example", []Command{{Name: "serve", Help: "serves"}}, nil, &output}
		if code := p.run(t.Context(), args); code != 2 || !strings.Contains(output.String(), "serve") {
			t.Errorf("%q: exit code %d, output %q", args, code, output.String())
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
