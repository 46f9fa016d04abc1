package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"videotutorials/internal/process"
	"videotutorials/internal/service"
)

// A part is a program that videotutorials runs.
type part struct {
	name string
	path string
	args []string
	// operations is the offset of the port of /readyz.
	operations  int
	declaration service.Declaration
}

// own are the parts of this repository, in the order in which they start. They stop
// in the opposite order.
var own = []part{
	{name: "messagestore", args: []string{"serve"}, operations: service.MessageStoreOpsPort},
	{name: "components", operations: service.ComponentsOpsPort},
	{name: "aggregators", operations: service.AggregatorsOpsPort},
	{name: "application", operations: service.RESTPort},
}

// further reports whether the part is a program of the setting with.
func (p part) further() bool { return p.operations >= service.FurtherOpsPort }

// parts returns all parts with their declarations: the own ones, and those of the
// setting with.
func (u *up) parts(ctx context.Context, data folder) ([]part, error) {
	all := slices.Clone(own)
	for i := range all {
		var err error
		if all[i].path, err = locate(all[i].name); err != nil {
			return nil, err
		}
	}
	for i, path := range u.With {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		p := part{name: filepath.Base(path), path: path, operations: service.FurtherOpsPort + i}
		if reserved := slices.ContainsFunc(all, func(o part) bool { return o.name == p.name }); reserved || p.name == "postgres" || p.name == "mvc" || p.name == "videotutorials" {
			return nil, &service.UsageError{Reason: fmt.Sprintf("VT_WITH: there is another part %s", p.name)}
		}
		all = append(all, p)
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range all {
		if p := &all[i]; p.name != "messagestore" {
			group.Go(func() error { return p.declare(ctx, inherit(u.environment(*p, data, u.Port, databases{}))) })
		}
	}
	return all, group.Wait()
}

// choose returns the parts with the names, or all parts if there are no names. The
// name of a component chooses its part, which then runs only the named components.
// The name postgres chooses no part, since Postgres runs anyway.
func choose(parts []part, names []string) ([]part, error) {
	if len(names) == 0 {
		return parts, nil
	}
	known := []string{"postgres"}
	for _, p := range parts {
		known = append(known, p.name)
		if p.declaration.Kind == "components" {
			known = append(known, p.declaration.Names...)
		}
	}
	names, err := service.Choose("part or component", known, names)
	if err != nil {
		return nil, err
	}
	var chosen []part
	for _, p := range parts {
		if !slices.Contains(names, p.name) {
			some := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(p.declaration.Names, name) })
			if p.declaration.Kind != "components" || len(some) == 0 {
				continue
			}
			p.args = []string{"-only", strings.Join(some, ",")}
		}
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// locate returns the path of another program, in the folder of this one.
func locate(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the program %s is missing, `make build` builds it: %w", name, err)
	}
	return path, nil
}

// keep runs the part, and restarts it when it ends, until the context ends and it
// has drained.
func (p part) keep(ctx context.Context, data folder, env []string, log *slog.Logger) {
	log = log.With("part", p.name)
	program := process.Program{Path: p.path, Args: p.args, Env: inherit(env), Log: data.log(p.name), PIDFile: data.pid(p.name)}
	log.Info("starting a part", "file", program.Log)
	defer background(ctx, func(ctx context.Context) { process.Rotate(ctx, program.Log) })()
	process.Keep(ctx, log, program.Run)
}

// reach returns the settings of a client of the message store.
func (f folder) reach(port int, insecure bool) []string {
	return []string{"VT_PORT=" + strconv.Itoa(port), "VT_CERTS=" + f.certs(), "VT_INSECURE=" + strconv.FormatBool(insecure)}
}

// inherit returns the environment of a child: env, and the foreign variables of this
// process.
func inherit(env []string) []string { return append(foreign(os.Environ()), env...) }

// foreign removes the variables that begin with VT_, except VT_LOG: the settings of
// this process may contain passwords for other parts.
func foreign(environment []string) []string {
	return slices.DeleteFunc(environment, func(v string) bool {
		return strings.HasPrefix(v, "VT_") && !strings.HasPrefix(v, "VT_LOG=")
	})
}

const (
	// readyInterval is the time between two polls of parts that are not ready.
	readyInterval = 20 * time.Millisecond
	// readyTimeout bounds one request to a part.
	readyTimeout = 3 * time.Second
	// remindAfter is the time between log lines about parts that are not ready.
	remindAfter = 5 * time.Second
)

// awaitReady returns true when all parts are ready, and false when the context ends
// before.
func awaitReady(ctx context.Context, parts []part, port int, log *slog.Logger) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: readyTimeout}
	logged := time.Now()
	parts = slices.Clone(parts)
	return poll(ctx, readyInterval, func() bool {
		var waiting []any
		parts = slices.DeleteFunc(parts, func(p part) bool {
			err := p.ready(ctx, client, port)
			if err != nil {
				waiting = append(waiting, p.name, err)
			}
			return err == nil
		})
		if len(parts) > 0 && time.Since(logged) >= remindAfter {
			log.Info("not ready yet", waiting...)
			logged = time.Now()
		}
		return len(parts) == 0
	})
}

// ready returns nil if the part is ready, else an error with the reason.
func (p part) ready(ctx context.Context, client *http.Client, port int) error {
	url := "http://" + service.Addr(port, p.operations) + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode == http.StatusOK {
		return nil
	}
	reason, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
	return fmt.Errorf("%d %s", response.StatusCode, strings.TrimSpace(string(reason)))
}

const (
	// releaseTimeout bounds the wait for ports that the processes of a killed
	// videotutorials still hold.
	releaseTimeout  = 5 * time.Second
	releaseInterval = 50 * time.Millisecond
)

// choosePort returns the VT_PORT: the given one, when its ports and those of n
// further parts are free, or one of a free range for 0.
func choosePort(ctx context.Context, port, n int) (int, error) {
	if port == 0 {
		var err error
		if port, err = service.FreePort(ctx); err != nil {
			return 0, err
		}
	}
	return port, awaitFree(ctx, port, 0, service.FurtherOpsPort+n)
}

// awaitFree waits until the ports at the offsets first to end-1 are free. Otherwise a
// part would be restarted again and again, or another process would answer for it.
func awaitFree(ctx context.Context, port, first, end int) (err error) {
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	if !poll(ctx, releaseInterval, func() bool {
		err = service.PortsFree(ctx, port, first, end)
		return err == nil
	}) {
		return fmt.Errorf("%w: choose other ports with VT_PORT, 0 picks free ones", err)
	}
	return nil
}

// poll calls done at the interval until it returns true, and reports whether it did
// before the context ended.
func poll(ctx context.Context, interval time.Duration, done func() bool) bool {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}
