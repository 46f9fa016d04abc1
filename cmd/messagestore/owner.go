package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// categoryOwner is the command that says who owns a category, and gives it to another.
type categoryOwner struct{ client }

func ownerCommand(t terminal) service.Command {
	o := &categoryOwner{client{terminal: t}}
	return service.Command{
		Name: "owner", Args: "CATEGORY [PRINCIPAL]",
		Help:     "print who owns the category (" + nobody + ": nobody alone); or give it to PRINCIPAL, which an operator may",
		Settings: o, Tool: true, Run: o.run,
	}
}

func (o *categoryOwner) run(ctx context.Context, _ *slog.Logger, args []string) error {
	switch len(args) {
	case 1:
		return o.call(func(store messagestore.Store, p *printer) error {
			info, err := ownerOf(ctx, store, messagestore.Category(args[0]))
			if err != nil {
				return err
			}
			return p.print(toCategory(info), "%s", cmp.Or(info.Owner, nobody))
		})
	case 2:
		return o.call(func(store messagestore.Store, p *printer) error {
			from, err := store.TransferOwnership(ctx, messagestore.Category(args[0]), messagestore.Principal(args[1]))
			if err != nil {
				return err
			}
			return p.print(&messagestorev1.TransferOwnershipResponse{From: string(from)},
				"%s is owned by %s, before by %s", args[0], args[1], cmp.Or(from, nobody))
		})
	}
	return usage("owner takes CATEGORY, or CATEGORY PRINCIPAL")
}

// ownerOf returns what the store lists, or for a category without messages what
// its claims say. It returns messagestore.ErrNotFound where there are neither.
func ownerOf(ctx context.Context, store messagestore.Store, c messagestore.Category) (messagestore.CategoryInfo, error) {
	// A category must be named: else the list has all.
	if err := c.Check(); err != nil {
		return messagestore.CategoryInfo{}, usage("category: %v", err)
	}
	page, err := store.Categories(ctx, messagestore.ListRequest{Category: c})
	if err != nil {
		return messagestore.CategoryInfo{}, err
	}
	if len(page.Categories) == 1 {
		return page.Categories[0], nil
	}
	last, err := store.Last(ctx, messagestore.OwnershipCategory.Stream(string(c)), "")
	if err != nil {
		return messagestore.CategoryInfo{}, fmt.Errorf("category %s has no messages, and nobody has claimed it: %w", c, err)
	}
	var claim struct{ Owner messagestore.Principal }
	if err := json.Unmarshal([]byte(last.Data), &claim); err != nil {
		return messagestore.CategoryInfo{}, fmt.Errorf("message %s: %w", last.ID, err)
	}
	return messagestore.CategoryInfo{Category: c, Owner: claim.Owner}, nil
}
