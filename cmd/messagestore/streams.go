package main

import (
	"context"
	"log/slog"

	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// pageSize is how much of a list is asked for at once: the most.
const pageSize = 1000

// listStreams is the command that lists streams.
type listStreams struct{ client }

func streamsCommand(t terminal) service.Command {
	s := &listStreams{client{terminal: t}}
	return service.Command{
		Name: "streams", Args: "[CATEGORY]",
		Help:     "list the streams, all or a category's: how many messages, time of the last, name",
		Settings: s, Tool: true, Run: s.run,
	}
}

func (s *listStreams) run(ctx context.Context, _ *slog.Logger, args []string) error {
	if len(args) > 1 {
		return usage("streams takes one CATEGORY at the most")
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
