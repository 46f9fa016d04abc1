package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"

	"videotutorials/internal/service"
)

// rebuild makes a view of the running system again from the log.
type rebuild struct{ running }

func (r *rebuild) run(ctx context.Context, _ *slog.Logger, args []string) error {
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
	cmd.Env = slices.Concat(foreign(os.Environ()), data.reach(s.Port, s.Insecure), []string{"VT_VIEWDATA_URL=" + s.ViewData})
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		return &service.ExitError{Code: ended.ExitCode()} // it has said why
	}
	if err != nil {
		return fmt.Errorf("rebuild %s: %w", args[0], err)
	}
	return nil
}
