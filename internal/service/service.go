// Package service runs the commands of a program: it reads their settings, sets
// up the log and the traces, ends them on a signal, maps errors to exit codes,
// and serves /metrics, /healthz and /readyz.
//
// A main function is one call of Main. A command ends when its context does, on
// SIGINT or SIGTERM, and then returns nil.
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

// A Command is one command of a program.
type Command struct {
	// Name is the first argument that selects the command. The command with the
	// name "" is the default.
	Name string
	// Help describes the command in one line.
	Help string
	// Args names the arguments besides the settings, as "STREAM [TYPE]". Defaults
	// to none: an argument is wrong usage.
	Args string
	// Settings is a pointer to a struct, or an []any of such pointers. Each field
	// with the tags `name:"port" env:"VT_PORT" default:"8080" help:"…"` is the flag
	// -port and an environment variable; the flag wins. A field is a string, int,
	// bool, time.Duration or []string (comma-separated). Embedded structs count.
	Settings any
	// Tool is set for a command run by a person for its output: its settings are
	// not logged.
	Tool bool
	// Run runs the command. args are the arguments that are not flags, and all
	// arguments after `--`.
	Run func(ctx context.Context, log *slog.Logger, args []string) error
}

// A UsageError is returned by Run for wrong settings or arguments. The exit code
// is 2.
type UsageError struct {
	Reason string
}

func (e *UsageError) Error() string { return e.Reason }

// An ExitError is returned by Run to choose the exit code, which also holds if a
// signal ended the command.
type ExitError struct {
	Code int
	// Err is printed unless it is nil.
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
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

const (
	// gcPercent is the default GOGC percentage. The heaps are a few megabytes and
	// would be collected many times a second, for a tenth of the processor time.
	gcPercent = 400
	// memoryLimit is the default GOMEMLIMIT, in bytes. Above it garbage is
	// collected more often, which bounds the heap under overload.
	memoryLimit = 512 << 20
)

// Main runs the command selected by the arguments and exits: with 0 after success
// or a signal (SIGINT, SIGTERM, SIGHUP), 1 after an error, 2 after wrong usage, or
// the code of an ExitError. A second SIGINT or SIGTERM ends the process at once.
//
// Every command has the setting VT_LOG (text or json); the log goes to stderr.
// -version as the first argument prints the version.
func Main(program string, commands ...Command) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GRPC_GO_LOG_SEVERITY_LEVEL") == "" {
		// gRPC's own log would let a client write a line with each call. The
		// interceptors log calls.
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	}
	ends := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		// A closing terminal sends SIGHUP twice, from the shell and from the kernel:
		// the second one must not end the process at once.
		ends = append(ends, syscall.SIGHUP)
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop)
	p := process{program, commands, os.Getenv, os.Stderr}
	if len(os.Args) == 2 && (os.Args[1] == "-version" || os.Args[1] == "--version") {
		fmt.Println(strings.TrimSpace(program + " " + Version() + " " + revision()))
		os.Exit(exitDone)
	}
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
		return exitUsage
	}
	var common struct {
		Log string `name:"log" env:"VT_LOG" default:"text" help:"text or json"`
	}
	structs, several := c.Settings.([]any)
	if !several {
		structs = []any{c.Settings}
	}
	settings, err := read(p.env, args, append([]any{&common}, structs...)...)
	if errors.Is(err, flag.ErrHelp) {
		p.help(c, settings)
		return exitDone
	}
	if err == nil && c.Args == "" && len(settings.rest) > 0 {
		err = &UsageError{fmt.Sprintf("%q is neither a command nor a setting", settings.rest[0])}
	}
	if err == nil && common.Log != "text" && common.Log != "json" {
		err = &UsageError{fmt.Sprintf("log is %q, neither text nor json", common.Log)}
	}
	if err != nil {
		p.complain(err)
		return exitUsage
	}
	_ = os.Setenv("VT_LOG", common.Log) // for children
	if !c.Tool {
		// A service outlives the reader of its log, as `| tee` at Ctrl-C.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
	var handler slog.Handler = slog.NewTextHandler(p.stderr, nil)
	if common.Log == "json" {
		handler = slog.NewJSONHandler(p.stderr, nil)
	}
	log := slog.New(handler).With("program", p.program)
	if !c.Tool {
		log.Info("starting", settings.attributes()...)
	}
	stop, err := tracing.Start(ctx, p.program, log)
	if err == nil {
		defer stop()
		err = c.Run(ctx, log, settings.rest)
	}
	code := exitCode(ctx, err)
	var exit *ExitError
	switch {
	case code == exitDone, errors.As(err, &exit) && exit.Err == nil:
	case common.Log == "json":
		log.Error("ended", "error", err)
	default:
		p.complain(err)
	}
	return code
}

func exitCode(ctx context.Context, err error) int {
	var usage *UsageError
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		return exit.Code
	case err == nil, ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

// choose returns the command that the arguments select and the other arguments.
func (p process) choose(args []string) (Command, []string, bool) {
	for _, c := range p.commands {
		if c.Name != "" && len(args) > 0 && c.Name == args[0] {
			return c, args[1:], true
		}
	}
	i := slices.IndexFunc(p.commands, func(c Command) bool { return c.Name == "" })
	if i < 0 {
		return Command{}, nil, false
	}
	return p.commands[i], args, true
}

func (p process) printf(format string, args ...any) { _, _ = fmt.Fprintf(p.stderr, format, args...) }
func (p process) complain(err error)                { p.printf("%s: %v\n", p.program, err) }

func (p process) usage() {
	p.printf("usage: %s <command> [settings]\n", p.program)
	for _, c := range p.commands {
		if c.Name != "" {
			p.printf("  %-12s %s\n", c.Name, c.Help)
		}
	}
	p.printf("`%s <command> -help` lists the settings, `%s -version` prints the version.\n", p.program, p.program)
}

func (p process) help(c Command, settings *settings) {
	words := slices.DeleteFunc([]string{p.program, c.Name, "[settings]", c.Args}, func(s string) bool { return s == "" })
	p.printf("usage: %s\n%s\n", strings.Join(words, " "), c.Help)
	for _, line := range settings.lines() {
		p.printf("  %s\n", line)
	}
	if c.Name == "" && len(p.commands) > 1 {
		p.usage()
	}
}
