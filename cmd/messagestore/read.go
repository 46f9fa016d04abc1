package main

import (
	"context"
	"log/slog"
	"strconv"
	"strings"

	"videotutorials/messagestore"
)

// sourceArgs is the syntax of a source. $all is quoted for the shell.
const sourceArgs = "STREAM | CATEGORY,... | '$all'"

// filter has the settings that restrict the messages.
type filter struct {
	Types       []string `name:"types" help:"only messages of these types, comma-separated"`
	Group       string   `name:"group" help:"only the streams of one member of a consumer group: member/size, the member from 0"`
	Origin      string   `name:"origin" help:"only messages whose metadata originStreamName is of this category"`
	Correlation string   `name:"correlation" help:"only messages whose metadata correlationStreamName is of this category"`
}

// parse returns the settings as a messagestore.Filter.
func (f *filter) parse() (messagestore.Filter, error) {
	parsed := messagestore.Filter{
		Types: f.Types, Origin: messagestore.Category(f.Origin), Correlation: messagestore.Category(f.Correlation),
	}
	if f.Group == "" {
		return parsed, nil
	}
	member, size, _ := strings.Cut(f.Group, "/")
	m, memberErr := strconv.ParseInt(member, 10, 32)
	s, sizeErr := strconv.ParseInt(size, 10, 32)
	if memberErr != nil || sizeErr != nil {
		return parsed, usage("group is %q, not member/size as 0/3", f.Group)
	}
	parsed.Group = &messagestore.ConsumerGroup{Member: int32(m), Size: int32(s)}
	return parsed, nil
}

// readMessages is the command that prints stored messages.
type readMessages struct {
	client
	filter
	From     string `name:"from" help:"first position, of the stream or global; default the first one in the direction of reading"`
	Backward bool   `name:"backward" default:"false" help:"newest first"`
	Limit    int    `name:"limit" default:"0" help:"maximum number of messages; 0: no limit"`
}

func (r *readMessages) run(ctx context.Context, _ *slog.Logger, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usage("read takes one of %s", sourceArgs)
	}
	request := messagestore.ReadRequest{Source: sourceOf(args[0]), Backward: r.Backward, Limit: int64(r.Limit)}
	var err error
	if request.Filter, err = r.parse(); err != nil {
		return err
	}
	if r.From != "" {
		from, err := positionOf(r.From)
		if err != nil {
			return err
		}
		request.From = &from
	}
	return r.call(func(store messagestore.Store, p *printer) error {
		for m, err := range store.Read(ctx, request) {
			if err == nil {
				err = p.message(&m)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func positionOf(from string) (int64, error) {
	n, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return 0, usage("from is %q, not a position", from)
	}
	return n, nil
}
