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

// populatePassword is the password of all whom populate registers.
const populatePassword = "correct horse battery staple"

// populateHash is one of its hashes, always the same: with a new one each time, a
// message that is there already would be another one.
const populateHash = "$2a$10$KTVG./ZB13vZ8/T3fIcM5uMJzt7rm5UxZXbkSPgYTPzf.84B/x/Ci"

// populate fills the running system as its users would: they register, publish
// videos and watch them.
type populate struct {
	running
	Users    int `name:"users" default:"15" help:"how many users are registered"`
	Videos   int `name:"videos" default:"0" help:"how many videos they publish and name"`
	Viewings int `name:"viewings" default:"0" help:"how often they watch them, some much more often than others (Zipf)"`
	Rate     int `name:"rate" default:"0" help:"viewings a second at most; 0: as many as the store takes"`
	Seed     int `name:"seed" default:"1" help:"the same seed makes the same messages: what is there already is left alone"`
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
	// It does what the application does, and in its name.
	store, err := s.store(data, "application")
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is left to be lost

	all := newPopulation(uint64(p.Seed), uint64(p.Users), uint64(p.Videos)) //nolint:gosec // checked, but for the seed, of which any will do
	if err := p.fill(ctx, log, data, store, all); err != nil {
		return err
	}
	fmt.Printf("written: %d users, %s and so on, password %q; %d videos, which are published one after the other; %d viewings\n",
		p.Users, all.email(0), populatePassword, p.Videos, p.Viewings)
	return nil
}

// fill writes all messages, a kind after the other.
func (p *populate) fill(ctx context.Context, log *slog.Logger, data folder, store messagestore.Store, all population) error {
	writer := bulk{store: store, log: log}
	if err := writer.write(ctx, "users", p.Users, 0, all.register); err != nil {
		return err
	}
	if p.Videos > 0 {
		if err := all.upload(data); err != nil {
			return err
		}
	}
	if err := writer.write(ctx, "videos", p.Videos, 0, all.publish); err != nil {
		return err
	}
	if err := writer.write(ctx, "names", p.Videos, 0, all.name); err != nil {
		return err
	}
	return writer.write(ctx, "viewings", p.Viewings, p.Rate, all.view)
}

// A bulk writes many messages in batches.
type bulk struct {
	store messagestore.Store
	log   *slog.Logger
}

const (
	// batchSize is how many messages a batch has: a call may have 1,000.
	batchSize = 500
	// batchesAtOnce are on their way to the store at the same time.
	batchesAtOnce = 4
	// sayEvery is how often it says how far it is.
	sayEvery = 2 * time.Second
)

// write writes the n messages that next makes, rate a second or, for 0, as many as
// the store takes. Next is called in order, by one goroutine.
func (b bulk) write(ctx context.Context, what string, n, rate int, next func(i int) (messagestore.Write, error)) error {
	begun := time.Now()
	said := begun
	say := func(done int) {
		b.log.Info("populating", what, done, "of", n, "perSecond", int(float64(done)/time.Since(begun).Seconds()))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(batchesAtOnce)
	for first := 0; first < n && ctx.Err() == nil; {
		size := min(batchSize, n-first)
		if rate > 0 {
			size = min(size, max(1, rate/10))
			await(ctx, begun.Add(time.Duration(first)*time.Second/time.Duration(rate)))
		}
		batch := make([]messagestore.Write, size)
		for i := range batch {
			var err error
			if batch[i], err = next(first + i); err != nil {
				return err
			}
		}
		group.Go(func() error {
			if err := b.writeOnce(ctx, batch); err != nil {
				return fmt.Errorf("write %s: %w", what, err)
			}
			return nil
		})
		first += size
		if time.Since(said) >= sayEvery {
			said = time.Now()
			say(first)
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if n > 0 {
		say(n)
	}
	return nil
}

// writeOnce writes the batch or, where some of it was written in other company, each
// of it that is not there yet.
func (b bulk) writeOnce(ctx context.Context, batch []messagestore.Write) error {
	_, err := b.store.WriteBatch(ctx, batch...)
	var conflict *messagestore.IDConflictError
	if !errors.As(err, &conflict) {
		return err
	}
	for _, w := range batch {
		if _, err := b.store.Write(ctx, w.Stream, w.Expected, w.Messages...); err != nil && !errors.As(err, &conflict) {
			return err
		}
	}
	return nil
}

// await returns at that time, or when the context ends.
func await(ctx context.Context, at time.Time) {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
