package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/audit"
)

// The exit codes of an audit; 0 is a clean log.
const (
	exitDamage    = 1
	exitUnchecked = 2
)

// progressInterval is the time between two log lines about the progress.
const progressInterval = 5 * time.Second

// auditLog is the command that audits the log, and its settings.
type auditLog struct {
	Database string `name:"database-url" env:"VT_DATABASE_URL" help:"URL of the database message_store, as a role that may select, required"`
	Views    string `name:"views" help:"URL of View Data, whose checkpoints are checked, too"`
	Self     string `name:"store-principal" default:"spiffe://videotutorials/messagestore" help:"principal of the servers, the writer of claims"`
	JSON     bool   `name:"json" help:"print a JSON object for each damage"`

	out io.Writer
}

// run returns nil if the log is clean. It exits with exitUnchecked if it could not
// check all of it, even if it found damage before.
func (a *auditLog) run(ctx context.Context, log *slog.Logger, _ []string) error {
	switch {
	case a.Database == "":
		return &service.UsageError{Reason: "VT_DATABASE_URL is required"}
	case a.Self == "":
		return &service.UsageError{Reason: "store-principal is required"}
	}
	began := time.Now()
	check := audit.Audit{
		Database: a.Database, Views: a.Views, Self: messagestore.Principal(a.Self), Log: log, ProgressEvery: progressInterval,
	}
	summary, err := check.Run(ctx, a.print)
	if err != nil {
		return &service.ExitError{Code: exitUnchecked, Err: fmt.Errorf("not checked: %w", err)}
	}
	log.Info("audited", "damage", summary.Damage, "messages", summary.Messages, "streams", summary.Streams,
		"head", summary.Head, "anonymous", summary.Anonymous, "duration", time.Since(began).Round(time.Millisecond))
	if summary.Damage > 0 {
		return &service.ExitError{Code: exitDamage}
	}
	return nil
}

func (a *auditLog) print(d audit.Damage) error {
	if a.JSON {
		return json.NewEncoder(a.out).Encode(d)
	}
	_, err := fmt.Fprintln(a.out, d)
	return err
}
