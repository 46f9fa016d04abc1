package videopublishing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"videotutorials/internal/process"
)

// Tools are the programs that look at videos and transcode them. The zero value
// has none: then a video is told by its first bytes, and published as it is.
type Tools struct {
	// ffprobe and ffmpeg are where they are; ffmpeg is there with ffprobe only.
	ffprobe, ffmpeg string
}

// FindTools returns the tools that are on the PATH, and says in the log which. An
// ffmpeg that cannot make H.264 and AAC is none.
func FindTools(ctx context.Context, log *slog.Logger) Tools {
	var t Tools
	var err error
	if t.ffprobe, err = exec.LookPath("ffprobe"); err == nil {
		err = run(ctx, t.ffprobe, []string{"-version"}, func(string) {})
	}
	if err != nil {
		log.WarnContext(ctx, "there is no ffprobe of use: videos are told by their first bytes, and published as they are", "error", err)
		return Tools{}
	}
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err == nil {
		err = encodes(ctx, ffmpeg)
	}
	if err != nil {
		log.WarnContext(ctx, "there is no ffmpeg of use: videos are published as they are", "ffprobe", t.ffprobe, "error", err)
		return t
	}
	t.ffmpeg = ffmpeg
	log.InfoContext(ctx, "videos are transcoded", "ffprobe", t.ffprobe, "ffmpeg", t.ffmpeg)
	return t
}

// The encoders that a transcode needs.
const (
	h264Encoder = "libx264"
	aacEncoder  = "aac"
)

// encodes returns an error if the ffmpeg lacks an encoder.
func encodes(ctx context.Context, ffmpeg string) error {
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

// A toolError says that a program has failed.
type toolError struct {
	program string
	// said is the end of what it said.
	said  string
	cause error
}

func (e *toolError) Error() string { return fmt.Sprintf("%s: %v: %s", e.program, e.cause, e.said) }
func (e *toolError) Unwrap() error { return e.cause }

// notRun is the first exit code of a program that could not be run.
const notRun = 126

// own reports whether the error is one of a program that has run and ended by
// itself: not one of starting it, and not somebody's kill, as of a machine that is
// out of memory.
func own(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal() != syscall.SIGKILL && status.Signal() != syscall.SIGTERM
	}
	return exit.ExitCode() < notRun
}

// run runs the program until it ends, or kills it and all that it has started
// when the context ends. It also dies with this process. Each line that it says
// is told. It returns the context's error, or a *toolError.
func run(ctx context.Context, program string, args []string, tell func(line string)) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdout.Close() //nolint:errcheck // it is only read
	stderr, complaints, err := os.Pipe()
	if err != nil {
		_ = out.Close()
		return err
	}
	defer stderr.Close()                  //nolint:errcheck // it is only read
	cmd := exec.Command(program, args...) //nolint:noctx // the context ends its whole group
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = out, complaints
	p, err := process.Start(cmd, syscall.SIGKILL)
	// The child has its own: else the pipes would not end with it.
	_, _ = out.Close(), complaints.Close()
	if err != nil {
		return &toolError{program, "", err}
	}
	// Where memory runs out it goes before what it would take with it.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.PID()), []byte("1000"), 0)
	kill := context.AfterFunc(ctx, func() { _ = syscall.Kill(-p.PID(), syscall.SIGKILL) })
	defer kill()
	said := &tail{}
	var reading errgroup.Group
	reading.Go(func() error { return lines(stdout, tell) })
	reading.Go(func() error { _, err := io.Copy(said, stderr); return err })
	broken := reading.Wait()
	switch err := p.Err(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &toolError{program, said.String(), err}
	case broken != nil:
		return &toolError{program, said.String(), broken}
	}
	return nil
}

// environment returns what the program is told: nothing that is secret, since it
// reads the files of strangers.
func environment() []string {
	kept := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			kept = append(kept, name+"="+value)
		}
	}
	return kept
}
