package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"videotutorials/internal/file"
	"videotutorials/internal/service"
	"videotutorials/mvc"
)

// classical is the command that runs the classical version: beside the running
// system, on its Postgres, or alone.
type classical struct {
	running
	Port        int    `name:"port" env:"VT_PORT" default:"8080" help:"first port of the system, mvc's is the sixth; 0 picks a free one; beside a system, the system's"`
	DatabaseURL string `name:"database-url" env:"VT_DATABASE_URL" help:"a Postgres for the database mvc, which is created if missing; default that of the system, else a private one"`
	Videos      int    `name:"videos" env:"VT_VIDEOS" default:"3" help:"number of videos"`
}

// errSystemEnded is returned when the system has ended beside which mvc ran, and
// with it the Postgres of both.
var errSystemEnded = errors.New("the system that mvc ran beside has ended")

func (c *classical) run(ctx context.Context, log *slog.Logger, _ []string) error {
	if err := mvc.CheckVideos(c.Videos); err != nil {
		return &service.UsageError{Reason: err.Error()}
	}
	data, err := dataFolder(c.DataDir)
	if err != nil {
		return err
	}
	p := part{name: "mvc", args: []string{"-videos", strconv.Itoa(c.Videos)}, operations: service.MVCPort}
	if p.path, err = locate(p.name); err != nil {
		return err
	}
	if err := data.make(); err != nil {
		return err
	}
	only, err := file.TryLock(data.run("mvc.lock"), os.O_CREATE|os.O_RDWR)
	if errors.Is(err, file.ErrLocked) {
		return fmt.Errorf("mvc is already running in %s", data)
	}
	if err != nil {
		return err
	}
	defer only.Close() //nolint:errcheck // it only unlocks

	held, err := data.lock(ctx)
	var taken *runningError
	if errors.As(err, &taken) {
		return c.beside(ctx, data, p, log)
	}
	if err != nil {
		return err
	}
	defer held.Close() //nolint:errcheck // it only unlocks
	return c.alone(ctx, data, p, log)
}

// alone runs mvc on the given Postgres, or on the private one, which it starts.
func (c *classical) alone(ctx context.Context, data folder, p part, log *slog.Logger) error {
	port, err := choosePort(ctx, c.Port, 0)
	if err != nil {
		return err
	}
	address := c.DatabaseURL
	if address == "" {
		d, stop, err := private(ctx, data, log)
		if err != nil {
			return err
		}
		defer stop()
		address = d.ViewData
	}
	return c.serve(ctx, data, p, port, address, log)
}

// beside runs mvc until the system ends.
func (c *classical) beside(ctx context.Context, data folder, p part, log *slog.Logger) error {
	_, s, err := c.find()
	if err != nil {
		return err
	}
	if err := awaitFree(ctx, s.Port, service.MVCPort, service.MVCPort+1); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer background(ctx, func(watching context.Context) {
		pid := data.holder()
		if poll(watching, endInterval, func() bool { return pid == 0 || data.holder() != pid }) {
			end(errSystemEnded)
		}
	})()
	err = c.serve(ctx, data, p, s.Port, cmp.Or(c.DatabaseURL, s.ViewData), log)
	if errors.Is(context.Cause(ctx), errSystemEnded) {
		return errSystemEnded
	}
	return err
}

// serve runs the part on its database until the context ends and it has drained.
func (c *classical) serve(ctx context.Context, data folder, p part, port int, address string, log *slog.Logger) error {
	database, err := provide(ctx, address, mvcDatabase)
	if err != nil {
		return err
	}
	defer background(ctx, func(ctx context.Context) {
		p.keep(ctx, data, []string{"VT_PORT=" + strconv.Itoa(port), "VT_DATABASE_URL=" + database}, log)
	})()
	if awaitReady(ctx, []part{p}, port, log) {
		suggest("the home page of the classical version", service.Addr(port, service.MVCPort), mvc.VideoID(1).String())
		<-ctx.Done()
	}
	log.Info("stopping")
	return nil
}

// endInterval is the time between two checks whether the system still runs. A
// system that is restarted waits longer than that for its ports.
const endInterval = 100 * time.Millisecond
