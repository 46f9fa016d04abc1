package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"videotutorials/aggregators"
	"videotutorials/internal/service"
)

// rebuild makes the rows of an aggregator again, which may run meanwhile.
type rebuild struct {
	Port int `name:"port" env:"VT_PORT" default:"8080" help:"the message store is on this port + 10"`
	places
}

func (r *rebuild) run(ctx context.Context, log *slog.Logger, args []string) error {
	all := all()
	if len(args) != 1 {
		return &service.UsageError{Reason: "one aggregator is needed: " + strings.Join(slices.Sorted(maps.Keys(all)), ", ")}
	}
	names, err := service.Choose("aggregator", all, args)
	if err != nil {
		return err
	}
	store, db, err := r.open(ctx, r.Port, log)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is left to be lost
	defer db.Close()
	begun := time.Now()
	aggregator := all[names[0]]
	rebuilt, err := aggregators.Rebuild(ctx, store, db, aggregator, log)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	log.Info("rebuilt", "consumer", aggregator.ID, "messages", rebuilt.Messages, "duration", took,
		"a second", int(float64(rebuilt.Messages)/took.Seconds()), "removed", rebuilt.Removed, "added", rebuilt.Added, "behind", rebuilt.Behind)
	return nil
}
