package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"

	"videotutorials/internal/service"
)

// rebuild empties a view of the running system, which is then made again from
// the log.
type rebuild struct{ running }

func (r *rebuild) run(ctx context.Context, log *slog.Logger, args []string) error {
	if len(args) != 1 {
		return &service.UsageError{Reason: "one aggregator is needed, by the name of its package, as homepage"}
	}
	data, s, err := r.find()
	if err != nil {
		return err
	}
	path, err := locate("aggregators")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, "rebuild", args[0])
	cmd.Env = append(foreign(os.Environ()), "VT_VIEWDATA_URL="+s.ViewData)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	// Interrupted, it may have emptied the view.
	if err == nil || ctx.Err() != nil {
		restart(data, log)
	}
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return &service.ExitError{Code: ended.ExitCode()} // it has said why
	}
	if err != nil {
		return fmt.Errorf("rebuild %s: %w", args[0], err)
	}
	return nil
}

// restart has the aggregators begin again: those who run find out at the next
// message that a view is empty, a new process at once.
func restart(data folder, log *slog.Logger) {
	pid, err := data.running("aggregators")
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGTERM)
	}
	if err != nil {
		log.Warn("the aggregators do not run here; they make the view again when they do", "error", err)
	}
}
