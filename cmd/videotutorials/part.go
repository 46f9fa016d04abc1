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

	"videotutorials/internal/process"
	"videotutorials/internal/service"
)

// A part is one of the other commands.
type part struct {
	name string
	// path is where its command is.
	path string
	args []string
	// operations is the offset of the port with its /readyz.
	operations int
	// env returns what it is told beside what all are told.
	env func(*up, folder, databases) []string
}

// parts are all of them, in the order in which they start. They stop in the
// opposite order.
var parts = []part{
	{name: "messagestore", args: []string{"serve"}, operations: service.MessageStoreOpsPort,
		env: func(_ *up, f folder, d databases) []string {
			return []string{"VT_DATABASE_URL=" + d.messageStore, "VT_POLICY=" + f.policy()}
		}},
	{name: "components", operations: service.ComponentsOpsPort,
		env: func(u *up, _ folder, _ databases) []string {
			return []string{"VT_SMTP_URL=" + u.SMTP, "VT_MAIL_FROM=" + u.MailFrom, "VT_PUBLIC_URL=" + u.PublicURL}
		}},
	{name: "aggregators", operations: service.AggregatorsOpsPort,
		env: func(_ *up, _ folder, d databases) []string { return []string{"VT_VIEWDATA_URL=" + d.viewData} }},
	{name: "application", operations: service.RESTPort,
		env: func(_ *up, f folder, d databases) []string {
			return []string{"VT_VIEWDATA_URL=" + d.viewReader, "VT_SECRET_FILE=" + f.secret(), "VT_MEDIA_DIR=" + f.media()}
		}},
}

// choose returns the parts of those names, all for none. A component's name stands
// for the part components with that component alone, or with those that are named;
// that of Postgres, which runs anyway, for no part.
func choose(names []string) ([]part, error) {
	if len(names) > 0 {
		var err error
		if names, err = service.Choose("part or component", selectable(), names); err != nil {
			return nil, err
		}
	}
	var chosen []part
	for _, p := range parts {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			some := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !isComponent(name) })
			if p.name != "components" || len(some) == 0 {
				continue
			}
			p.args = []string{"-only", strings.Join(some, ",")}
		}
		var err error
		if p.path, err = locate(p.name); err != nil {
			return nil, err
		}
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// selectable are the names of the parts, of the components and of Postgres.
func selectable() map[string]bool {
	all := map[string]bool{"postgres": true}
	for _, p := range parts {
		all[p.name] = true
	}
	for name := range principals {
		if isComponent(name) {
			all[name] = true
		}
	}
	return all
}

// isComponent reports whether it is the name of a component.
func isComponent(name string) bool { return strings.HasPrefix(principals[name], "component/") }

// locate returns the path of another command, which is beside this one.
func locate(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the command %s is missing, `make build` makes it: %w", name, err)
	}
	return path, nil
}

// keep runs the part, again when it dies, until the context ends and it has
// drained.
func (p part) keep(ctx context.Context, u *up, data folder, d databases, common []string, log *slog.Logger) {
	program := process.Program{
		Path:    p.path,
		Args:    p.args,
		Env:     slices.Concat(foreign(os.Environ()), common, p.env(u, data, d)),
		Log:     data.log(p.name),
		PIDFile: data.pid(p.name),
	}
	defer background(ctx, func(ctx context.Context) { process.Rotate(ctx, program.Log) })()
	process.Keep(ctx, log, program.Run)
}

// reach is what a command is told to find the message store.
func (f folder) reach(port int, insecure bool) []string {
	return []string{"VT_PORT=" + strconv.Itoa(port), "VT_CERTS=" + f.certs(), "VT_INSECURE=" + strconv.FormatBool(insecure)}
}

// foreign returns the variables that are not ours to give to a part: its settings
// come from here, and one part's passwords are not for another. VT_LOG is for all.
func foreign(environment []string) []string {
	return slices.DeleteFunc(environment, func(v string) bool {
		return strings.HasPrefix(v, "VT_") && !strings.HasPrefix(v, "VT_LOG=")
	})
}

// patience bounds one question to a part.
const patience = 3 * time.Second

// ready returns why the part is not ready, or "".
func (p part) ready(ctx context.Context, client *http.Client, port int) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	url := "http://" + service.Addr(port, p.operations) + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode == http.StatusOK {
		return ""
	}
	reason, err := io.ReadAll(io.LimitReader(response.Body, 1000))
	if err != nil {
		return err.Error()
	}
	return strconv.Itoa(response.StatusCode) + " " + strings.TrimSpace(string(reason))
}
