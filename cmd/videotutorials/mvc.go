package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"videotutorials/internal/file"
	"videotutorials/internal/service"
	"videotutorials/mvc"
)

// classical runs the classical version: beside the system, on its Postgres, or
// alone, where none runs.
type classical struct {
	running
	Port        int    `name:"port" env:"VT_PORT" default:"8080" help:"where the ports begin, its own is the sixth; 0 picks free ones; beside a system they are the system's"`
	DatabaseURL string `name:"database-url" env:"VT_DATABASE_URL" help:"a Postgres that has or gets the database mvc; default that of the system, else a private one"`
	Videos      int    `name:"videos" env:"VT_VIDEOS" default:"3" help:"how many videos are there from the start"`
}

// errSystemEnded is returned where the system has ended beside which it ran, and
// with it the Postgres of both.
var errSystemEnded = errors.New("the system beside which it ran has ended")

func (c *classical) run(ctx context.Context, log *slog.Logger, _ []string) error {
	if err := mvc.CheckVideos(c.Videos); err != nil {
		return &service.UsageError{Reason: err.Error()}
	}
	data, err := at(c.DataDir)
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

// alone runs it on the Postgres given, or on the private one, which it starts.
func (c *classical) alone(ctx context.Context, data folder, p part, log *slog.Logger) error {
	port, err := choosePort(ctx, c.Port)
	if err != nil {
		return err
	}
	address := c.DatabaseURL
	if address == "" {
		d, stop, err := (&up{}).databases(ctx, data, log)
		if err != nil {
			return err
		}
		defer stop()
		address = d.viewData
	}
	return c.serve(ctx, data, p, port, address, log)
}

// beside runs it until the system ends.
func (c *classical) beside(ctx context.Context, data folder, p part, log *slog.Logger) error {
	_, s, err := c.find()
	if err != nil {
		return err
	}
	if err := awaitFree(ctx, func(ctx context.Context) error { return portFree(ctx, s.Port) }); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer background(ctx, func(watching context.Context) {
		if awaitEnd(watching, data, data.holder()) {
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
	p.env = func(*up, folder, databases) []string { return []string{"VT_DATABASE_URL=" + database} }
	log = log.With("part", p.name)
	log.Info("starting a part", "log", data.log(p.name))
	defer background(ctx, func(ctx context.Context) {
		p.keep(ctx, nil, data, databases{}, []string{"VT_PORT=" + strconv.Itoa(port)}, log)
	})()
	if awaitReady(ctx, []part{p}, port, log) {
		url := "http://" + service.Addr(port, service.MVCPort)
		fmt.Printf("ready: record a viewing, and read the home page of the classical version\n"+
			"  curl -X POST %[1]s/v1/videos/%[2]s/viewings\n"+
			"  curl %[1]s/v1/home\n", url, mvc.VideoID(1))
		<-ctx.Done()
	}
	log.Info("stopping")
	return nil
}

// watch is how often it looks whether the system still runs. A system that is
// started again waits longer for its ports.
const watch = 100 * time.Millisecond

// awaitEnd returns true when the process runs the folder no more, and false when
// the context ends before.
func awaitEnd(ctx context.Context, data folder, pid int) bool {
	ticker := time.NewTicker(watch)
	defer ticker.Stop()
	for pid != 0 && data.holder() == pid {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}

func portFree(ctx context.Context, port int) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", service.Addr(port, service.MVCPort))
	if err != nil {
		return err
	}
	return listener.Close()
}
