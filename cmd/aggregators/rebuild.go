package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"videotutorials/aggregators"
	"videotutorials/internal/service"
	"videotutorials/viewdata"
)

// rebuild lets an aggregator begin from the start of the log.
type rebuild struct {
	ViewData string `name:"viewdata-url" env:"VT_VIEWDATA_URL" help:"URL of View Data, required; it is written as view_writer"`
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
	aggregator := all[names[0]]
	if r.ViewData == "" {
		return &service.UsageError{Reason: "VT_VIEWDATA_URL is required"}
	}
	db, err := viewdata.Open(ctx, r.ViewData, viewdata.Writer)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := aggregators.Rebuild(ctx, db, aggregator); err != nil {
		return err
	}
	log.Info("emptied, and begins from the start of the log", "consumer", aggregator.ID)
	return nil
}
