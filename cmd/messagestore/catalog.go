package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// pageSize is the size of the pages of a list, the largest that the store allows.
const pageSize = 1000

// listStreams is the command that lists streams.
type listStreams struct{ client }

func (s *listStreams) run(ctx context.Context, _ *slog.Logger, args []string) error {
	if len(args) > 1 {
		return usage("streams takes at most one CATEGORY")
	}
	r := messagestore.ListRequest{Size: pageSize}
	if len(args) == 1 {
		r.Category = messagestore.Category(args[0])
	}
	return s.call(func(store messagestore.Store, p *printer) error {
		for {
			page, err := store.Streams(ctx, r)
			if err != nil {
				return err
			}
			for _, i := range page.Streams {
				if err := p.print(&messagestorev1.Stream{
					Name: string(i.Stream), Messages: i.Messages, LastPosition: i.LastPosition, LastTime: timestamppb.New(i.LastTime),
				}, "%8d  %s  %s", i.Messages, clock(i.LastTime), i.Stream); err != nil {
					return err
				}
			}
			if r.Token = page.Next; r.Token == "" {
				return nil
			}
		}
	})
}

// noOwner is printed for a category without an owner.
const noOwner = "-"

// listCategories is the command that lists categories.
type listCategories struct{ client }

func (c *listCategories) run(ctx context.Context, _ *slog.Logger, _ []string) error {
	return c.call(func(store messagestore.Store, p *printer) error {
		for r := (messagestore.ListRequest{Size: pageSize}); ; {
			page, err := store.Categories(ctx, r)
			if err != nil {
				return err
			}
			for _, i := range page.Categories {
				if err := p.print(toCategory(i), "%8d %8d  %s  %s", i.Streams, i.Messages, i.Category, cmp.Or(i.Owner, noOwner)); err != nil {
					return err
				}
			}
			if r.Token = page.Next; r.Token == "" {
				return nil
			}
		}
	})
}

func toCategory(i messagestore.CategoryInfo) *messagestorev1.Category {
	return &messagestorev1.Category{Name: string(i.Category), Owner: string(i.Owner), Streams: i.Streams, Messages: i.Messages}
}

// categoryOwner is the command that prints or changes the owner of a category.
type categoryOwner struct{ client }

func (o *categoryOwner) run(ctx context.Context, _ *slog.Logger, args []string) error {
	switch len(args) {
	case 1:
		return o.call(func(store messagestore.Store, p *printer) error {
			info, err := ownerOf(ctx, store, messagestore.Category(args[0]))
			if err != nil {
				return err
			}
			return p.print(toCategory(info), "%s", cmp.Or(info.Owner, noOwner))
		})
	case 2:
		return o.call(func(store messagestore.Store, p *printer) error {
			from, err := store.TransferOwnership(ctx, messagestore.Category(args[0]), messagestore.Principal(args[1]))
			if err != nil {
				return err
			}
			return p.print(&messagestorev1.TransferOwnershipResponse{From: string(from)},
				"%s is owned by %s, before by %s", args[0], args[1], cmp.Or(from, noOwner))
		})
	}
	return usage("owner takes CATEGORY, or CATEGORY PRINCIPAL")
}

// ownerOf returns the category as the store lists it or, if it has no messages, as
// its last claim names the owner. It returns messagestore.ErrNotFound if it has
// neither.
func ownerOf(ctx context.Context, store messagestore.Store, c messagestore.Category) (messagestore.CategoryInfo, error) {
	// Without a name the list would have all categories.
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
		return messagestore.CategoryInfo{}, fmt.Errorf("category %s has no messages, and no owner: %w", c, err)
	}
	var claim struct{ Owner messagestore.Principal }
	if err := json.Unmarshal([]byte(last.Data), &claim); err != nil {
		return messagestore.CategoryInfo{}, fmt.Errorf("message %s: %w", last.ID, err)
	}
	return messagestore.CategoryInfo{Category: c, Owner: claim.Owner}, nil
}
