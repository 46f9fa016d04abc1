package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"google.golang.org/grpc/grpclog"

	"videotutorials/internal/tracing"
)

// A Command is one thing that a program does.
type Command struct {
	// Name is its first argument. The command with the name "" runs when none is
	// named.
	Name string
	// Help says in one line what the command does.
	Help string
	// Args names the arguments that come beside the settings, as "STREAM [TYPE]".
	// "" means none: giving one is wrong usage.
	Args string
	// Settings is a pointer to a struct. Each field with the tags `name:"port"
	// env:"VT_PORT" default:"8080" help:"…"` is a flag -port and an environment
	// variable; the flag wins. Fields are string, int, bool, time.Duration or
	// []string (by comma). So are those of a struct that is embedded. nil means
	// none.
	Settings any
	// Tool is set for a command that a person runs for its answer: its settings
	// are not logged.
	Tool bool
	// Run does it. args are the arguments that are not flags, and all after `--`.
	Run func(ctx context.Context, log *slog.Logger, args []string) error
}

// A UsageError is returned by Run for arguments that make no sense: the program
// exits with 2.
type UsageError struct {
	Reason string
}

func (e *UsageError) Error() string { return e.Reason }

// An ExitError is returned by Run of a command whose exit code is an answer: the
// program exits with Code, also when a signal has ended it.
type ExitError struct {
	Code int
	// Err, unless nil, is said.
	Err error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit with %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

const (
	ended  = 0
	failed = 1
	misuse = 2
)

const (
	// gcPercent is how much garbage is left to lie, in percent of what lives.
	gcPercent = 400
	// memoryLimit is from how many bytes on it is collected as often as need be:
	// under overload, when much lives for a short time.
	memoryLimit = 512 << 20
)

// Main runs the command that the arguments name, and exits: 0 when it ended as
// asked, also by SIGINT, SIGTERM or SIGHUP, 1 when it failed, 2 for wrong usage, and what
// an ExitError says. A second SIGINT or SIGTERM ends the process at once.
//
// VT_LOG (text or json) is a setting of every command; the log goes to stderr.
func Main(program string, commands ...Command) {
	if os.Getenv("GOGC") == "" {
		// Our heaps are some megabytes, collected many times a second: a tenth of
		// the time, for memory that nobody misses.
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GRPC_GO_LOG_SEVERITY_LEVEL") == "" {
		// gRPC and its gateway have a log of their own, in which a client could write
		// a line with each call. What it says of calls ours say, too.
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	}
	ends := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		// The terminal was closed. A shell and the kernel both say so: a second one
		// must not end the process at once.
		ends = append(ends, syscall.SIGHUP)
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop)
	p := process{program, commands, os.Getenv, os.Stderr}
	os.Exit(p.run(ctx, os.Args[1:]))
}

type process struct {
	program  string
	commands []Command
	env      func(string) string
	stderr   io.Writer
}

func (p process) run(ctx context.Context, args []string) int {
	c, args, ok := p.choose(args)
	if !ok {
		p.usage()
		return misuse
	}
	var common struct {
		Log string `name:"log" env:"VT_LOG" default:"text" help:"text or json"`
	}
	settings, err := read(p.env, args, &common, c.Settings)
	if errors.Is(err, flag.ErrHelp) {
		p.help(c, settings)
		return ended
	}
	if err == nil && c.Args == "" && len(settings.rest) > 0 {
		err = &UsageError{fmt.Sprintf("%q is neither a command nor a setting", settings.rest[0])}
	}
	if err == nil && common.Log != "text" && common.Log != "json" {
		err = &UsageError{fmt.Sprintf("log is %q, neither text nor json", common.Log)}
	}
	if err != nil {
		p.complain(err)
		return misuse
	}
	p.prepare(common.Log, c.Tool)
	log := newLogger(p.stderr, common.Log).With("program", p.program)
	if !c.Tool {
		log.Info("starting", settings.attributes()...)
	}
	err = p.trace(ctx, log, func() error { return c.Run(ctx, log, settings.rest) })
	code := exitCode(ctx, err)
	var exit *ExitError
	switch {
	case code == ended, errors.As(err, &exit) && exit.Err == nil:
	case common.Log == "json":
		log.Error("ended", "error", err)
	default:
		p.complain(err)
	}
	return code
}

// prepare makes the process one whose children log as it does, and which outlives
// the reader of its log, as `| tee` at Ctrl-C, unless it is a tool, whose output
// it is about.
func (p process) prepare(log string, tool bool) {
	_ = os.Setenv("VT_LOG", log)
	if !tool {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
}

// trace runs the command, whose traces are sent while it does.
func (p process) trace(ctx context.Context, log *slog.Logger, run func() error) error {
	stop, err := tracing.Start(ctx, p.program, log)
	if err != nil {
		return err
	}
	defer stop()
	return run()
}

// exitCode returns what the end of a command means.
func exitCode(ctx context.Context, err error) int {
	var wrong *UsageError
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		return exit.Code
	case err == nil, ctx.Err() != nil && errors.Is(err, context.Canceled):
		return ended
	case errors.As(err, &wrong):
		return misuse
	}
	return failed
}

// choose returns the command that the arguments name, and the other arguments.
func (p process) choose(args []string) (Command, []string, bool) {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		for _, c := range p.commands {
			if c.Name != "" && c.Name == args[0] {
				return c, args[1:], true
			}
		}
	}
	for _, c := range p.commands {
		if c.Name == "" {
			return c, args, true
		}
	}
	return Command{}, nil, false
}

func newLogger(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// say writes to the person at the terminal; if nobody can read it, that is that.
func (p process) say(format string, args ...any) { _, _ = fmt.Fprintf(p.stderr, format, args...) }

func (p process) complain(err error) { p.say("%s: %v\n", p.program, err) }

func (p process) usage() {
	p.say("usage: %s <command> [settings]\n", p.program)
	for _, c := range p.commands {
		if c.Name != "" {
			p.say("  %-12s %s\n", c.Name, c.Help)
		}
	}
	p.say("`%s <command> -help` lists the settings.\n", p.program)
}

func empty(s string) bool { return s == "" }

func (p process) help(c Command, settings *settings) {
	line := strings.Join(slices.DeleteFunc([]string{p.program, c.Name, "[settings]", c.Args}, empty), " ")
	p.say("usage: %s\n%s\n", line, c.Help)
	for _, line := range settings.lines() {
		p.say("  %s\n", line)
	}
	if c.Name == "" && len(p.commands) > 1 {
		p.usage()
	}
}
