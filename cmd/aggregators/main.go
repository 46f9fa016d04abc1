// Aggregators runs the aggregators, which shape View Data.
package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"videotutorials/aggregators"
	"videotutorials/internal/database"
	"videotutorials/internal/service"
	"videotutorials/messagestore/consumer"
	"videotutorials/viewdata"
)

func main() {
	s, r := &settings{}, &rebuild{}
	service.Main("aggregators",
		service.Command{Help: "run the aggregators, which shape View Data", Settings: s, Run: s.run},
		service.Command{Name: "rebuild", Help: "make an aggregator's rows again from the log, and put them in the place of those that there are", Args: "AGGREGATOR",
			Settings: r, Tool: true, Run: r.run},
	)
}

// run runs the chosen aggregators until the context ends. Postgres and the
// message store may come later than the process, and go.
func (s *settings) run(ctx context.Context, log *slog.Logger, _ []string) error {
	chosen, err := s.chosen()
	if err != nil {
		return err
	}
	store, db, err := s.open(ctx, s.Port, log)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is left to be lost
	defer db.Close()

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	runner, err := aggregators.New(store, db, consumer.NewMetrics(registry, store), log, chosen...)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return service.ListenAndServe(ctx, service.Addr(s.Port, service.AggregatorsOpsPort), service.Operations(registry, runner.Ready))
	})
	group.Go(func() error {
		notify := func(err error, pause time.Duration) {
			log.WarnContext(ctx, "view data is not there, trying again", "error", err, "pause", pause)
		}
		migrate := func(ctx context.Context) error { return viewdata.Migrate(ctx, s.ViewData) }
		if !database.MigrateRetrying(ctx, notify, migrate) {
			return nil
		}
		return runner.Run(ctx)
	})
	return group.Wait()
}
