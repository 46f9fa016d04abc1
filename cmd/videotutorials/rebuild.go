package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"

	"videotutorials/internal/service"
)

// rebuild is the command that rebuilds a view of the running system: it runs the
// command rebuild of the aggregator's program.
type rebuild struct{ running }

func (r *rebuild) run(ctx context.Context, _ *slog.Logger, args []string) error {
	if len(args) != 1 {
		return &service.UsageError{Reason: "one aggregator is required, by the name of its package, as homepage"}
	}
	data, s, err := r.find()
	if err != nil {
		return err
	}
	names, err := service.Choose("aggregator", slices.Collect(maps.Keys(s.Aggregators)), args)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, s.Aggregators[names[0]], "rebuild", names[0])
	cmd.Env = inherit(append(data.reach(s.Port, s.Insecure), "VT_VIEWDATA_URL="+s.ViewData))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		return &service.ExitError{Code: ended.ExitCode()} // the program has printed the error
	}
	if err != nil {
		return fmt.Errorf("rebuild %s: %w", args[0], err)
	}
	return nil
}
