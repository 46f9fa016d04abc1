package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
)

// populatePassword is the password of the users that populate registers.
const populatePassword = "correct horse battery staple"

// populateHash is a hash of populatePassword. It is constant, since a repeated message
// must have the same content.
const populateHash = "$2a$10$KTVG./ZB13vZ8/T3fIcM5uMJzt7rm5UxZXbkSPgYTPzf.84B/x/Ci"

// populate is the command that registers users in the running system, publishes
// videos and records viewings.
type populate struct {
	running
	Users    int `name:"users" default:"15" help:"number of users to register"`
	Videos   int `name:"videos" default:"0" help:"number of videos that they publish and name"`
	Viewings int `name:"viewings" default:"0" help:"number of viewings, distributed over the videos by Zipf's law"`
	Rate     int `name:"rate" default:"0" help:"maximum viewings per second; 0: no limit"`
	Seed     int `name:"seed" default:"1" help:"the same seed makes the same messages: stored ones are not written again"`
}

func (p *populate) check() error {
	for _, bound := range []struct {
		name         string
		value, least int
	}{{"users", p.Users, 1}, {"videos", p.Videos, 0}, {"viewings", p.Viewings, 0}, {"rate", p.Rate, 0}} {
		if bound.value < bound.least {
			return &service.UsageError{Reason: fmt.Sprintf("%s is %d, at least %d is allowed", bound.name, bound.value, bound.least)}
		}
	}
	if p.Viewings > 0 && p.Videos == 0 {
		return &service.UsageError{Reason: "viewings need videos, as -videos 20"}
	}
	return nil
}

func (p *populate) run(ctx context.Context, log *slog.Logger, _ []string) error {
	if err := p.check(); err != nil {
		return err
	}
	data, s, err := p.find()
	if err != nil {
		return err
	}
	// The application is the owner of the streams.
	store, err := s.store(data, "application")
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is lost

	all := newPopulation(uint64(p.Seed), uint64(p.Users), uint64(p.Videos)) //nolint:gosec // checked, except the seed, which may be any
	if p.Videos > 0 {
		if err := all.upload(data); err != nil {
			return err
		}
	}
	for _, kind := range []bulk{
		{"users", p.Users, 0, all.register}, {"videos", p.Videos, 0, all.publish},
		{"names", p.Videos, 0, all.name}, {"viewings", p.Viewings, p.Rate, all.view},
	} {
		if err := kind.write(ctx, store, log); err != nil {
			return err
		}
	}
	fmt.Printf("written: %d users, %s and so on, password %q; %d videos, which are published one after the other; %d viewings\n",
		p.Users, all.email(0), populatePassword, p.Videos, p.Viewings)
	return nil
}

// A bulk is n messages of one kind.
type bulk struct {
	kind string
	n    int
	// rate is the maximum number of messages per second, or 0 for no limit.
	rate int
	// next returns the messages in order. One goroutine calls it.
	next func(i int) (messagestore.Write, error)
}

const (
	// batchSize is the number of messages in a batch, at most 1,000.
	batchSize = 500
	// maxBatches is the number of concurrent batches.
	maxBatches = 4
	// logInterval is the time between two log lines about the progress.
	logInterval = 2 * time.Second
)

// write writes the messages in batches.
func (b bulk) write(ctx context.Context, store messagestore.Store, log *slog.Logger) error {
	begun := time.Now()
	logged := begun
	progress := func(done int) {
		log.Info("populating", b.kind, done, "count", b.n, "perSecond", int(float64(done)/time.Since(begun).Seconds()))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxBatches)
	for first := 0; first < b.n && ctx.Err() == nil; {
		size := min(batchSize, b.n-first)
		if b.rate > 0 {
			size = min(size, max(1, b.rate/10))
			await(ctx, begun.Add(time.Duration(first)*time.Second/time.Duration(b.rate)))
		}
		batch := make([]messagestore.Write, size)
		for i := range batch {
			var err error
			if batch[i], err = b.next(first + i); err != nil {
				return err
			}
		}
		group.Go(func() error {
			if err := writeOnce(ctx, store, batch); err != nil {
				return fmt.Errorf("write %s: %w", b.kind, err)
			}
			return nil
		})
		first += size
		if time.Since(logged) >= logInterval {
			logged = time.Now()
			progress(first)
		}
	}
	err := group.Wait()
	if err == nil && b.n > 0 {
		progress(b.n)
	}
	return err
}

// writeOnce writes the batch. If an earlier run with other batches has stored a part
// of it, it writes the other messages one by one.
func writeOnce(ctx context.Context, store messagestore.Store, batch []messagestore.Write) error {
	_, err := store.WriteBatch(ctx, batch...)
	var conflict *messagestore.IDConflictError
	if !errors.As(err, &conflict) {
		return err
	}
	for _, w := range batch {
		if _, err := store.Write(ctx, w.Stream, w.Expected, w.Messages...); err != nil && !errors.As(err, &conflict) {
			return err
		}
	}
	return nil
}

// await waits until the time, or until the context ends.
func await(ctx context.Context, at time.Time) {
	select {
	case <-time.After(time.Until(at)):
	case <-ctx.Done():
	}
}
