// Components runs the components.
package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"videotutorials/components"
	"videotutorials/internal/service"
	"videotutorials/messagestore/consumer"
)

func main() {
	s := &settings{}
	service.Main("components", service.Command{Help: "run the components", Settings: s, Run: s.run})
}

// run runs the chosen components until the context ends, each with its own
// certificate. The message store may come later than the process, and go.
func (s *settings) run(ctx context.Context, log *slog.Logger, _ []string) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	chosen, err := s.chosen(log, registry)
	if err != nil {
		return err
	}
	if s.Insecure {
		log.Warn("TLS is off: the message store knows nobody")
	}
	var metrics *consumer.Metrics
	var runners []*components.Runner
	for _, c := range chosen {
		store, err := s.dial(c.name)
		if err != nil {
			return err
		}
		defer store.Close() //nolint:errcheck // nothing is left to be lost
		if metrics == nil {
			metrics = consumer.NewMetrics(registry, store)
		}
		runner, err := components.New(store, metrics, log.With("component", c.name), c.consumers...)
		if err != nil {
			return err
		}
		runners = append(runners, runner)
	}
	ready := func(ctx context.Context) error {
		var reasons []error
		for _, r := range runners {
			reasons = append(reasons, r.Ready(ctx))
		}
		return errors.Join(reasons...)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return service.ListenAndServe(ctx, service.Addr(s.Port, service.ComponentsOpsPort), service.Operations(registry, ready))
	})
	for _, r := range runners {
		group.Go(func() error { return r.Run(ctx) })
	}
	return group.Wait()
}
