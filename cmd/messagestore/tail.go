package main

import (
	"context"
	"errors"
	"log/slog"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// tailMessages is the command that prints each message when it is stored.
type tailMessages struct {
	client
	filter
	From     string `name:"from" default:"end" help:"first position, of the stream or global; start; or end for new messages only"`
	Limit    int    `name:"limit" default:"0" help:"number of messages after which to end; 0: no limit"`
	Progress bool   `name:"progress" default:"false" help:"log the position, and when all stored messages were printed"`
}

func (c *tailMessages) run(ctx context.Context, log *slog.Logger, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usage("tail takes one of %s", sourceArgs)
	}
	s := messagestore.Subscription{Source: sourceOf(args[0])}
	var err error
	if s.Filter, err = c.parse(); err != nil {
		return err
	}
	if c.From != "start" && c.From != "end" {
		if s.From, err = positionOf(c.From); err != nil {
			return err
		}
	}
	err = c.call(func(store messagestore.Store, p *printer) error {
		if c.From == "end" {
			place, err := headOf(ctx, store, s.Source)
			if err != nil {
				return err
			}
			s.After = &place
		}
		return c.follow(ctx, log, store, s, p)
	})
	if ctx.Err() != nil {
		return ctx.Err() // it was interrupted
	}
	return err
}

// follow prints the messages of the subscription.
func (c *tailMessages) follow(ctx context.Context, log *slog.Logger, store messagestore.Store, s messagestore.Subscription, p *printer) error {
	broken := func(err error) { log.Warn("subscribe again", "error", err) }
	printed := 0
	for event, err := range consumer.Follow(ctx, store, s, broken) {
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case messagestore.Messages:
			for i := range e {
				if err := p.message(&e[i]); err != nil {
					return err
				}
				if printed++; printed == c.Limit {
					return nil
				}
			}
			if err := p.out.Flush(); err != nil {
				return err
			}
		case messagestore.CaughtUp:
			c.progress(log, "caught up", e.Place)
		case messagestore.Progress:
			c.progress(log, "progress", e.Place)
		}
	}
	return nil
}

func (c *tailMessages) progress(log *slog.Logger, event string, place messagestore.Place) {
	if c.Progress {
		log.Info("at", "event", event, "position", place.Position, "message", place.ID)
	}
}

// headOf returns the place of the source's last message.
func headOf(ctx context.Context, store messagestore.Store, source messagestore.Source) (messagestore.Place, error) {
	if !source.IsStream() {
		status, err := store.Status(ctx)
		return status.Head, err
	}
	last, err := store.Last(ctx, source.Stream, "")
	if errors.Is(err, messagestore.ErrNotFound) {
		return messagestore.Place{Position: -1}, nil
	}
	return source.Place(&last), err
}
