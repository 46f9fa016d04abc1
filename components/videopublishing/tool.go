package videopublishing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"videotutorials/internal/process"
)

// Tools are the programs that inspect and transcode videos. With the zero value videos
// are recognized by their first bytes, and published as they are.
type Tools struct {
	// ffprobe and ffmpeg are paths. ffmpeg is used only together with ffprobe.
	ffprobe, ffmpeg string
}

// FindTools returns the tools on the PATH, and logs which it has found. An ffmpeg without
// encoders for H.264 and AAC is not used.
func FindTools(ctx context.Context, log *slog.Logger) Tools {
	ffprobe, err := exec.LookPath("ffprobe")
	if err == nil {
		err = run(ctx, ffprobe, []string{"-version"}, func(string) {})
	}
	if err != nil {
		log.WarnContext(ctx, "no usable ffprobe: videos are recognized by their first bytes, and published as they are", "error", err)
		return Tools{}
	}
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err == nil {
		err = checkEncoders(ctx, ffmpeg)
	}
	if err != nil {
		log.WarnContext(ctx, "no usable ffmpeg: videos are published as they are", "ffprobe", ffprobe, "error", err)
		return Tools{ffprobe: ffprobe}
	}
	log.InfoContext(ctx, "videos are transcoded", "ffprobe", ffprobe, "ffmpeg", ffmpeg)
	return Tools{ffprobe, ffmpeg}
}

// The encoders that a transcode needs.
const (
	h264Encoder = "libx264"
	aacEncoder  = "aac"
)

func checkEncoders(ctx context.Context, ffmpeg string) error {
	has := map[string]bool{}
	err := run(ctx, ffmpeg, []string{"-hide_banner", "-encoders"}, func(line string) {
		if fields := strings.Fields(line); len(fields) > 1 {
			has[fields[1]] = true
		}
	})
	if err == nil && (!has[h264Encoder] || !has[aacEncoder]) {
		err = fmt.Errorf("%s lacks %s or %s", ffmpeg, h264Encoder, aacEncoder)
	}
	return err
}

// exited reports whether the error is of a program that ended by itself: it was started,
// and not killed, for example because the machine is out of memory.
func exited(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal() != syscall.SIGKILL && status.Signal() != syscall.SIGTERM
	}
	const cannotRun = 126 // the shell's exit code for a program that it cannot run
	return exit.ExitCode() < cannotRun
}

// run runs the program until it ends, and calls onLine for each line of its standard
// output. When the context ends, run kills the program and all its children; they also die
// with this process. It returns the context's error, or that of the
// program with the end of its standard error.
func run(ctx context.Context, program string, args []string, onLine func(string)) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	stderr := &tail{}
	cmd := exec.Command(program, args...) //nolint:noctx // the context ends the whole process group
	// Pipes, unlike files, break when this process dies; so does the program then.
	cmd.Stdout, cmd.Stderr = &lineWriter{onLine: onLine}, stderr
	// The program reads untrusted files, so its environment must not contain secrets.
	cmd.Env = []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	child, err := process.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	// When memory runs out, the kernel should kill this program first.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", child.PID()), []byte("1000"), 0)
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-child.PID(), syscall.SIGKILL) })
	defer stop()
	err = child.Err()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w: %s", program, err, stderr)
	}
	return nil
}

// A lineWriter calls onLine for each line that is written to it. It drops the start of an
// overlong line.
type lineWriter struct {
	onLine func(string)
	rest   []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	const maxLine = 64 << 10
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok {
			break
		}
		w.onLine(string(line))
		w.rest = rest
	}
	if len(w.rest) > maxLine {
		w.rest = nil
	}
	return len(p), nil
}

// A tail keeps the last 2 KiB that are written to it.
type tail struct{ bytes []byte }

func (t *tail) Write(p []byte) (int, error) {
	const size = 2 << 10
	t.bytes = append(t.bytes, p...)
	if over := len(t.bytes) - size; over > 0 {
		t.bytes = append(t.bytes[:0], t.bytes[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(strings.ToValidUTF8(string(t.bytes), "?")) }
