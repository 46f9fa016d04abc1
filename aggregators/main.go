package aggregators

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"videotutorials/internal/database"
	"videotutorials/internal/service"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/rpc"
	"videotutorials/viewdata"
)

// principal is the name of the certificate, and of the principal, of every process
// of aggregators.
const principal = "aggregators"

// program is the process of aggregators, with its settings.
type program struct {
	Port     int    `name:"port" env:"VT_PORT" default:"8080" help:"first port of the system"`
	OpsPort  int    `name:"ops-port" env:"VT_OPS_PORT" help:"port of /metrics, /healthz and /readyz, default <port + 13>"`
	ViewData string `name:"viewdata-url" env:"VT_VIEWDATA_URL" help:"URL of View Data, required; rows are written as view_writer, migrations run as its user"`
	service.StoreSettings
	Only []string `name:"only" help:"the aggregators to run, comma-separated, default all"`

	aggregators []Aggregator
}

// Main runs the aggregators as a process, and exits. The process has the settings
// that -help lists, applies the migrations of View Data and of the aggregators,
// serves /metrics, /healthz and /readyz, and drains on SIGTERM. Its command rebuild
// calls Rebuild. The message store and Postgres may start later and restart.
//
// The setting -with of the command videotutorials starts the process.
func Main(aggregators ...Aggregator) {
	p := &program{aggregators: aggregators}
	service.Main(filepath.Base(os.Args[0]),
		service.Command{Help: "run the aggregators, which write View Data", Settings: p, Run: p.run},
		service.Command{
			Name: "rebuild", Args: "AGGREGATOR", Help: "compute the rows of an aggregator again from the log, and replace those that differ",
			Settings: p, Tool: true, Run: p.rebuild,
		},
		service.Declare(service.Declaration{
			Kind: "aggregators", Names: p.names(), Principals: map[string]string{principal: principal},
		}, p, p.check),
	)
}

// name is the form of an aggregator's name, which is part of a table's.
var name = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

func (p *program) check() error {
	for _, a := range p.aggregators {
		if !name.MatchString(a.Name) {
			return fmt.Errorf("aggregator %q: the name is not lower-case letters and digits", a.Name)
		}
	}
	return nil
}

func (p *program) names() []string {
	var names []string
	for _, a := range p.aggregators {
		names = append(names, a.Name)
	}
	return names
}

// connect calls do with the named aggregators, or all for none, the message store and
// View Data.
func (p *program) connect(ctx context.Context, log *slog.Logger, names []string,
	do func(chosen []Aggregator, store *rpc.Client, db *pgxpool.Pool) error,
) error {
	names, err := service.Choose("aggregator", p.names(), names)
	if err != nil {
		return err
	}
	var chosen []Aggregator
	for _, a := range p.aggregators {
		if slices.Contains(names, a.Name) {
			chosen = append(chosen, a)
		}
	}
	if err := p.check(); err != nil {
		return err
	}
	if p.ViewData == "" {
		return &service.UsageError{Reason: "VT_VIEWDATA_URL is required"}
	}
	if err := p.Check(); err != nil {
		return err
	}
	store, err := p.Dial(p.Port, principal, log)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is lost
	db, err := viewdata.Open(ctx, p.ViewData, viewdata.Writer)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(chosen, store, db)
}

// run runs the chosen aggregators until the context ends.
func (p *program) run(ctx context.Context, log *slog.Logger, _ []string) error {
	return p.connect(ctx, log, p.Only, func(chosen []Aggregator, store *rpc.Client, db *pgxpool.Pool) error {
		registry := service.NewRegistry()
		runner, err := New(store, db, consumer.NewMetrics(registry, store), log, chosen...)
		if err != nil {
			return err
		}
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error {
			port := cmp.Or(p.OpsPort, p.Port+service.AggregatorsOpsPort)
			return service.ListenAndServe(ctx, service.Addr(port, 0), service.Operations(registry, runner.Ready))
		})
		group.Go(func() error {
			failed := func(err error, pause time.Duration) {
				log.WarnContext(ctx, "migrate view data", "error", err, "pause", pause)
			}
			if !database.MigrateRetrying(ctx, failed, func(ctx context.Context) error { return p.migrate(ctx, chosen) }) {
				return nil
			}
			return runner.Run(ctx)
		})
		return group.Wait()
	})
}

// migrate applies the migrations of View Data and of the aggregators.
func (p *program) migrate(ctx context.Context, chosen []Aggregator) error {
	if err := viewdata.Migrate(ctx, p.ViewData); err != nil {
		return err
	}
	for _, a := range chosen {
		if a.Migrations == nil {
			continue
		}
		if err := viewdata.MigrateFrom(ctx, p.ViewData, a.Migrations, "migrations_"+a.Name); err != nil {
			return fmt.Errorf("aggregator %s: %w", a.Name, err)
		}
	}
	return nil
}

// rebuild rebuilds the rows of one aggregator, which may run meanwhile.
func (p *program) rebuild(ctx context.Context, log *slog.Logger, args []string) error {
	if len(args) != 1 {
		return &service.UsageError{Reason: "one aggregator is required: " + strings.Join(p.names(), ", ")}
	}
	return p.connect(ctx, log, args, func(chosen []Aggregator, store *rpc.Client, db *pgxpool.Pool) error {
		begun := time.Now()
		rebuilt, err := Rebuild(ctx, store, db, chosen[0], log)
		if err != nil {
			return err
		}
		took := time.Since(begun)
		log.Info("rebuilt", "consumer", chosen[0].ID, "messages", rebuilt.Messages, "duration", took,
			"perSecond", int(float64(rebuilt.Messages)/took.Seconds()), "removed", rebuilt.Removed, "added", rebuilt.Added, "behind", rebuilt.Behind)
		return nil
	})
}
