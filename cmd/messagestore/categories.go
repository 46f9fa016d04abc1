package main

import (
	"cmp"
	"context"
	"log/slog"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// nobody stands for the owner of what nobody alone owns.
const nobody = "-"

// listCategories is the command that lists categories.
type listCategories struct{ client }

func categoriesCommand(t terminal) service.Command {
	c := &listCategories{client{terminal: t}}
	return service.Command{
		Name:     "categories",
		Help:     "list the categories: how many streams, how many messages, name, owner (" + nobody + ": nobody alone)",
		Settings: c, Tool: true, Run: c.run,
	}
}

func (c *listCategories) run(ctx context.Context, _ *slog.Logger, _ []string) error {
	return c.call(func(store messagestore.Store, p *printer) error {
		for r := (messagestore.ListRequest{Size: pageSize}); ; {
			page, err := store.Categories(ctx, r)
			if err != nil {
				return err
			}
			for _, i := range page.Categories {
				if err := p.print(toCategory(i), "%8d %8d  %s  %s", i.Streams, i.Messages, i.Category, cmp.Or(i.Owner, nobody)); err != nil {
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
