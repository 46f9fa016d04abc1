package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"

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
	cmd.Env = append(foreign(os.Environ()), "VT_VIEWDATA_URL="+s.ViewData,
		"VT_PORT="+strconv.Itoa(s.Port), "VT_CERTS="+data.certs(), "VT_INSECURE="+strconv.FormatBool(s.Insecure))
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
