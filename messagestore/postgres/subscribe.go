package postgres

import (
	"context"
	"errors"
	"iter"
	"time"

	"videotutorials/messagestore"
)

const (
	// heartbeatInterval is what Started promises.
	heartbeatInterval = 2 * time.Second
	// beatAfter is the silence after which Progress is sent, and beatBetween that
	// between two pages of Postgres: the next one takes its time.
	beatAfter   = 1500 * time.Millisecond
	beatBetween = heartbeatInterval / 2
	// maxBatch bounds a batch from the tail.
	maxBatch = 500
	// A batch leaves with the first beat of the server's clock after the last one,
	// unless it is full by then: a subscriber of a busy log gets few batches and not
	// many small ones, which cost it, and this server, several times as much. The beat
	// is one for all, so that many wake once. What comes after a silence leaves at once.
	quietBeat = 5 * time.Millisecond
	busyBeat  = 50 * time.Millisecond
)

// A subscription is a cursor in the log. It takes what follows from the tail, if
// that holds its place, else from Postgres, and waits where nothing follows.
type subscription struct {
	store  *Store
	source messagestore.Source
	filter messagestore.Filter
	yield  func(messagestore.Event, error) bool

	// place is the last place that was looked at, in the positions of the source;
	// what a subscriber is told.
	place messagestore.Place
	// global is the same as a place in the whole log, by which the tail is read;
	// nil where it is not known: a stream that was not yet read to its end.
	global *messagestore.Place
	// late: CaughtUp is due when the end is reached.
	late bool
	// sent is when something was sent last, and heartbeat fires when that is long
	// ago.
	sent      time.Time
	heartbeat *time.Timer
	// next is when a batch may leave that is not full, since the beginning of the
	// server.
	next time.Duration
	pace pace
	lag  lag
}

// Subscribe is Store.Subscribe.
func (s *Store) Subscribe(ctx context.Context, r messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		err := checkSubscription(&r)
		if err == nil {
			err = s.ownership.mayRead(ctx, r.Source)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		sub := &subscription{
			store: s, source: r.Source, filter: r.Filter, yield: yield, late: true,
			heartbeat: time.NewTimer(beatAfter),
		}
		defer sub.heartbeat.Stop()
		sub.lag.behind()
		defer s.metrics.followers.add(sub, messagestore.PrincipalOf(ctx))()
		head, err := timely(ctx, func(ctx context.Context) (int64, error) { return sub.start(ctx, &r) })
		if err == nil {
			err = sub.send(messagestore.Started{HeartbeatInterval: heartbeatInterval, HeadPosition: head})
		}
		if err == nil {
			err = sub.run(ctx)
		}
		if !errors.Is(err, errBroken) {
			yield(nil, err)
		}
	}
}

// errBroken says that the subscriber has gone.
var errBroken = errors.New("the subscriber has gone")

// run yields what follows, for ever.
func (s *subscription) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Each time: the policy may be another one by now.
		if err := s.store.ownership.mayRead(ctx, s.source); err != nil {
			return err
		}
		var f fetched
		if s.global != nil {
			f = s.store.tail.after(*s.global, maxBatch)
		} else if end, known := s.store.tail.place(); known {
			f.end = end
		}
		var err error
		switch {
		case !f.held:
			s.late = true
			s.lag.behind()
			err = s.fromPostgres(ctx, f.end)
		case len(f.messages) > 0:
			s.lag.behindSince(f.messages[0].Time)
			if rest := s.next - time.Since(s.store.begun); rest > 0 && len(f.messages) < maxBatch {
				err = s.gather(ctx, rest)
				break
			}
			err = s.fromTail(f.messages)
		case f.stopped:
			return errStopping
		case s.late:
			s.late = false
			s.lag.atEnd()
			err = s.send(messagestore.CaughtUp{Place: s.place})
		default:
			s.lag.atEnd()
			err = s.wait(ctx, f.changed)
		}
		if err != nil {
			return err
		}
	}
}

// wait returns when the tail has changed, or after a heartbeat. The heartbeat
// comes from here, where the messages come from, so that it cannot outlive them;
// and only while the head is known.
func (s *subscription) wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.heartbeat.C:
		return s.progress()
	}
}

// gather waits for more to send at once.
func (s *subscription) gather(ctx context.Context, rest time.Duration) error {
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *subscription) progress() error {
	if !s.store.tail.fresh() {
		return errStale
	}
	return s.send(messagestore.Progress{Place: s.place})
}

// fromTail yields what passes of the messages that follow in the log.
func (s *subscription) fromTail(messages []messagestore.Message) error {
	last := &messages[len(messages)-1]
	global := messagestore.Place{Position: last.GlobalPosition, ID: last.ID}
	place := global
	var batch messagestore.Messages
	if s.source.IsStream() {
		place = s.place
	}
	for i := range messages {
		m := &messages[i]
		if !s.source.Has(m) {
			continue
		}
		if s.source.IsStream() {
			if m.Position <= place.Position {
				continue // written between the two looks of the start
			}
			place = s.source.Place(m)
		}
		if s.filter.Passes(m) {
			batch = append(batch, *m)
		}
	}
	return s.advance(batch, place, &global)
}

// fromPostgres yields what passes of the next page, up to the end of the tail,
// which was known before the page was read.
func (s *subscription) fromPostgres(ctx context.Context, end messagestore.Place) error {
	after, err := proof(s.place)
	if err != nil {
		return err
	}
	if err := s.turn(ctx); err != nil {
		return err
	}
	p, err := timely(ctx, func(ctx context.Context) (page, error) {
		return s.store.page(ctx, s.store.readers, pageRequest{
			source: s.source, filter: &s.filter, start: s.place.Position + 1, afterID: after, bound: end.Position,
		})
	})
	<-s.store.turns
	if errors.Is(err, errOtherLog) {
		return s.lost(ctx)
	}
	if err != nil {
		return err
	}
	defer s.store.hold(p)()
	if !s.source.IsStream() && s.place.Position > end.Position {
		// It is in the log, so the tail is late.
		_, err := timely(ctx, func(ctx context.Context) (any, error) { return nil, s.store.reach(ctx, s.place) })
		return err
	}
	place := s.place
	if p.upTo != nil {
		place = *p.upTo
	}
	global := &place
	switch {
	case p.end && s.source.IsStream():
		global = &end
	case p.end:
		place = end
	case s.source.IsStream():
		global = nil
	}
	return s.advance(p.messages, place, global)
}

// timely returns what ask, which asks Postgres, does; or an error, where Postgres
// does not answer for longer than a subscription may be silent.
func timely[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, staleAfter)
	defer cancel()
	answer, err := ask(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		err = errStale
	}
	return answer, err
}

// turn waits until the subscription may read a page: many that are behind at
// once must not take all connections, nor be silent while they wait.
func (s *subscription) turn(ctx context.Context) error {
	for {
		select {
		case s.store.turns <- struct{}{}:
			return nil
		case <-s.heartbeat.C:
			if err := s.progress(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lost returns the error of a place that is not in the log any more.
func (s *subscription) lost(ctx context.Context) error {
	end, err := timely(ctx, s.end)
	if err != nil {
		return err
	}
	if s.place.Position > end.Position {
		return &messagestore.AheadError{Position: s.place.Position, Head: end.Position}
	}
	return &messagestore.DivergedError{Place: s.place}
}

// advance yields the batch and moves to the place. Where there was nothing to
// yield for an interval it yields Progress: also in the middle of a long way.
func (s *subscription) advance(batch messagestore.Messages, place messagestore.Place, global *messagestore.Place) error {
	s.place, s.global = place, global
	if len(batch) > 0 {
		if err := s.send(batch); err != nil {
			return err
		}
		s.paced(len(batch))
	}
	if global != nil {
		s.lag.position.Store(global.Position)
	}
	if time.Since(s.sent) < beatBetween {
		return nil
	}
	return s.progress()
}

// paced notes that a batch of so many messages was sent.
func (s *subscription) paced(messages int) {
	now := s.sent.Sub(s.store.begun)
	beat := quietBeat
	if s.pace.busy(now, messages) {
		beat = busyBeat
	}
	s.next = now.Truncate(beat) + beat
}

func (s *subscription) send(event messagestore.Event) error {
	if !s.yield(event, nil) {
		return errBroken
	}
	s.sent = time.Now()
	s.heartbeat.Reset(beatAfter)
	return nil
}
