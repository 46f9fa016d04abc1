package components

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// A Component is a component that Main runs.
type Component struct {
	// Name is the name of the component in -only, of its certificate, and in its
	// principal component/<Name>. It consists of lower-case letters and digits.
	Name string
	// Settings, unless nil, is a pointer to a struct with the component's settings.
	// Each field with the tags `name:"smtp-url" env:"VT_SMTP_URL" default:"…"
	// help:"…"` is a flag and an environment variable of the process. A field is a
	// string, int, bool, time.Duration or []string (comma-separated).
	//
	// videotutorials passes variables on, except other VT_ ones than its own.
	Settings any
	// Check, unless nil, returns an error if the settings are wrong. The process
	// exits with 2 then.
	Check func() error
	// Consumers returns the component's consumers. It is called once, after the
	// settings were read.
	Consumers func(Process) ([]Consumer, error)
}

// A Process is what Main provides to a component.
type Process struct {
	// Store is the message store, called as the component's principal.
	Store messagestore.Store
	// Log has the component's name.
	Log *slog.Logger
	// Registry is what /metrics serves.
	Registry prometheus.Registerer
	// DataDir is the data folder of the system, for files.
	DataDir string
	// PublicURL is the address of the application for people, without a path.
	PublicURL *url.URL
}

// program is the process of components, with its settings.
type program struct {
	Port    int    `name:"port" env:"VT_PORT" default:"8080" help:"first port of the system"`
	OpsPort int    `name:"ops-port" env:"VT_OPS_PORT" help:"port of /metrics, /healthz and /readyz, default <port + 12>"`
	DataDir string `name:"data-dir" env:"VT_DATA_DIR" help:"folder with the file secret, 32 bytes or more that sign links, and with the folders mail and media; required"`
	service.StoreSettings
	PublicURL string   `name:"public-url" env:"VT_PUBLIC_URL" help:"address of the application for people, used in mails, default http://127.0.0.1:<port>"`
	Only      []string `name:"only" help:"the components to run, comma-separated, default all"`
	Group     string   `name:"group" help:"the member of a group that this process is, as 0-of-2, which handles its share of the entities; default all entities"`

	components []Component
}

// Main runs the components as a process, and exits. Each calls the message store
// with a certificate of its own. The process has the settings that -help lists,
// those of the components included, serves /metrics, /healthz and /readyz, and
// drains on SIGTERM. The message store may start later and restart.
//
// The command videotutorials makes the certificates, and the policy of the message
// store from the contracts linked into the process; its setting -with starts the
// process.
func Main(components ...Component) {
	p := &program{components: components}
	settings := []any{p}
	declaration := service.Declaration{Kind: "components", Principals: map[string]string{}}
	for _, c := range components {
		settings = append(settings, c.Settings)
		declaration.Names = append(declaration.Names, c.Name)
		declaration.Principals[c.Name] = "component/" + c.Name
	}
	service.Main(filepath.Base(os.Args[0]),
		service.Command{Help: "run the components", Settings: settings, Run: p.run},
		service.Declare(declaration, settings, func() error { return p.check(components) }),
	)
}

// name is the form of a component's name, which is the name of a file.
var name = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

func (p *program) check(components []Component) error {
	if _, err := p.publicURL(); err != nil {
		return &service.UsageError{Reason: "VT_PUBLIC_URL: " + err.Error()}
	}
	for _, c := range components {
		if !name.MatchString(c.Name) {
			return fmt.Errorf("component %q: the name is not lower-case letters and digits", c.Name)
		}
		if c.Check == nil {
			continue
		}
		if err := c.Check(); err != nil {
			return &service.UsageError{Reason: err.Error()}
		}
	}
	return nil
}

func (p *program) publicURL() (*url.URL, error) {
	text := cmp.Or(p.PublicURL, "http://"+service.Addr(p.Port, service.RESTPort))
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not a URL like https://example.org", text)
	}
	return u, nil
}

// run runs the chosen components until the context ends.
func (p *program) run(ctx context.Context, log *slog.Logger, _ []string) error {
	if p.DataDir == "" {
		return &service.UsageError{Reason: "VT_DATA_DIR is required"}
	}
	group, err := parseGroup(p.Group)
	if err != nil {
		return err
	}
	chosen, err := p.chosen()
	if err != nil {
		return err
	}
	public, err := p.publicURL()
	if err != nil {
		return err
	}
	p.Certs = cmp.Or(p.Certs, filepath.Join(p.DataDir, "certs"))
	registry := service.NewRegistry()
	var metrics *consumer.Metrics
	var runners []*Runner
	var all []Consumer
	for _, c := range chosen {
		log := log.With("component", c.Name)
		store, err := p.Dial(p.Port, c.Name, log)
		if err != nil {
			return err
		}
		defer store.Close() //nolint:errcheck // nothing is lost
		if metrics == nil {
			metrics = consumer.NewMetrics(registry, store)
		}
		consumers, err := c.Consumers(Process{store, log, registry, p.DataDir, public})
		if err != nil {
			return fmt.Errorf("component %s: %w", c.Name, err)
		}
		for i := range consumers {
			consumers[i].Group = group
		}
		runner, err := New(store, metrics, log, consumers...)
		if err != nil {
			return err
		}
		runners, all = append(runners, runner), append(all, consumers...)
	}
	if err := Distinct(all...); err != nil {
		return err
	}
	ready := func(ctx context.Context) error {
		var reasons []error
		for _, r := range runners {
			reasons = append(reasons, r.Ready(ctx))
		}
		return errors.Join(reasons...)
	}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error {
		port := cmp.Or(p.OpsPort, p.Port+service.ComponentsOpsPort)
		return service.ListenAndServe(ctx, service.Addr(port, 0), service.Operations(registry, ready))
	})
	for _, r := range runners {
		running.Go(func() error { return r.Run(ctx) })
	}
	return running.Wait()
}

// chosen returns the components to run, whose settings are right.
func (p *program) chosen() ([]Component, error) {
	var known []string
	for _, c := range p.components {
		known = append(known, c.Name)
	}
	names, err := service.Choose("component", known, p.Only)
	if err != nil {
		return nil, err
	}
	chosen := slices.DeleteFunc(slices.Clone(p.components), func(c Component) bool { return !slices.Contains(names, c.Name) })
	return chosen, p.check(chosen)
}

// parseGroup parses a member of a group, as 0-of-2. It returns nil for "".
func parseGroup(text string) (*messagestore.ConsumerGroup, error) {
	if text == "" {
		return nil, nil
	}
	g := &messagestore.ConsumerGroup{}
	_, err := fmt.Sscanf(text, "%d-of-%d", &g.Member, &g.Size)
	if err != nil || fmt.Sprintf("%d-of-%d", g.Member, g.Size) != text || g.Member < 0 || g.Member >= g.Size {
		return nil, &service.UsageError{Reason: fmt.Sprintf("group is %q, not a member of a group as 0-of-2, counted from 0", text)}
	}
	return g, nil
}
