package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"videotutorials/messagestore"
)

// lane handles what waits for the entity, one after the other, until nothing
// does or another goroutine has the lane.
func (l *lanes) lane(entity messagestore.Stream) {
	for t := l.next(entity); t != nil; t = l.next(entity) {
		released := false
		l.work(t, func() {
			if !released {
				released = true
				l.going.Go(func() { l.lane(entity) })
			}
		})
		if released {
			return
		}
	}
}

func (l *lanes) next(entity messagestore.Stream) *taken {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.waiting[entity]
	if len(waiting) == 0 || l.ctx.Err() != nil {
		delete(l.waiting, entity)
		return nil
	}
	l.waiting[entity] = waiting[1:]
	return waiting[0]
}

// work tries until the message is handled, or the context ends.
func (l *lanes) work(t *taken, release func()) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		begun := time.Now()
		err := l.try(t, release)
		var invalid *messagestore.InvalidError
		switch {
		case err == nil:
			l.p.Metrics.handled(l.p.ID, 1, time.Since(begun))
			l.done(t)
			return
		case errors.As(err, &invalid):
			l.refused(l.ctx, t.message, err)
			l.done(t)
			return
		}
		if l.ctx.Err() != nil {
			return
		}
		l.failed(t, err, pause)
		// Up to half as long again, so that not all come back at once.
		if !wait(l.ctx, pause+rand.N(pause/2)) {
			return
		}
	}
}

// try handles the message, as one of atOnce.
func (l *lanes) try(t *taken, release func()) error {
	select {
	case l.slots <- struct{}{}:
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
	back := sync.OnceFunc(func() { <-l.slots })
	defer back()
	return Protect(func() error {
		return l.p.Handle(l.ctx, t.message, func() {
			back()
			l.succeeds(t)
			release()
		})
	})
}

// succeeds says that the message that failed does not now: it may take hours.
func (l *lanes) succeeds(t *taken) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.failing, t)
}

func (l *lanes) done(t *taken) {
	l.mu.Lock()
	t.handled = t.message.Stream.Category() != positions
	t.skipped = !t.handled
	t.message = messagestore.Message{} // thousands may wait for one before them
	l.open--
	delete(l.failing, t)
	l.mu.Unlock()
	select {
	case l.room <- struct{}{}:
	default:
	}
}

func (l *lanes) failed(t *taken, err error, pause time.Duration) {
	err = &MessageError{t.message, err}
	l.mu.Lock()
	l.failing[t] = err
	l.mu.Unlock()
	l.p.Metrics.failed(l.p.ID)
	l.p.Log.LogAttrs(l.ctx, slog.LevelError, "message not handled, trying again", slog.Any("error", err),
		slog.String("message", t.message.ID), slog.Int64("position", t.message.GlobalPosition), slog.Duration("pause", pause))
}

// failure returns why the oldest of the messages that failed did, nil for none.
func (l *lanes) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var oldest *taken
	for t := range l.failing {
		if oldest == nil || t.place.Position < oldest.place.Position {
			oldest = t
		}
	}
	if oldest == nil {
		return nil
	}
	if len(l.failing) == 1 {
		return fmt.Errorf("%s: a message fails: %w", l.p.ID, l.failing[oldest])
	}
	return fmt.Errorf("%s: %d messages fail, the oldest: %w", l.p.ID, len(l.failing), l.failing[oldest])
}

// refused says that a message is skipped.
func (l *lanes) refused(ctx context.Context, m messagestore.Message, err error) {
	l.p.Metrics.failed(l.p.ID)
	l.p.Log.ErrorContext(ctx, "message skipped, since nobody can handle it", "error", &MessageError{m, err})
}
