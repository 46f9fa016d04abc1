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

// populateHash is a hash of it. It is constant, since a repeated message must have
// the same content.
const populateHash = "$2a$10$KTVG./ZB13vZ8/T3fIcM5uMJzt7rm5UxZXbkSPgYTPzf.84B/x/Ci"

// populate is the command that fills the running system with messages as of users
// who register, publish videos and watch them.
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
	if err := p.fill(ctx, log, data, store, all); err != nil {
		return err
	}
	fmt.Printf("written: %d users, %s and so on, password %q; %d videos, which are published one after the other; %d viewings\n",
		p.Users, all.email(0), populatePassword, p.Videos, p.Viewings)
	return nil
}

// fill writes all messages, one kind after another.
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
	// batchSize is the number of messages in a batch, at most 1,000.
	batchSize = 500
	// maxBatches is the number of concurrent batches.
	maxBatches = 4
	// logInterval is the time between two log lines about the progress.
	logInterval = 2 * time.Second
)

// write writes the n messages that next returns, at most rate per second unless it
// is 0. Next is called in order, by one goroutine.
func (b bulk) write(ctx context.Context, what string, n, rate int, next func(i int) (messagestore.Write, error)) error {
	begun := time.Now()
	logged := begun
	progress := func(done int) {
		b.log.Info("populating", what, done, "of", n, "perSecond", int(float64(done)/time.Since(begun).Seconds()))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxBatches)
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
		if time.Since(logged) >= logInterval {
			logged = time.Now()
			progress(first)
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if n > 0 {
		progress(n)
	}
	return nil
}

// writeOnce writes the batch. If an earlier run with other batches has stored a part
// of it, it writes the other messages one by one.
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

// await waits until the time, or until the context ends.
func await(ctx context.Context, at time.Time) {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
