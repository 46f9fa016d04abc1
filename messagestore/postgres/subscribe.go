package postgres

import (
	"context"
	"errors"
	"iter"
	"time"

	"videotutorials/messagestore"
)

const (
	// heartbeatInterval is the interval that Started promises.
	heartbeatInterval = 2 * time.Second
	// heartbeatAfter is the silence after which Progress is sent. Between two pages
	// it is the shorter heartbeatBetween, since the next page takes time.
	heartbeatAfter   = 1500 * time.Millisecond
	heartbeatBetween = heartbeatInterval / 2
	// maxBatch bounds a batch from the tail.
	maxBatch = 500
	// A batch that is not full is sent at the next beat of the server's clock after
	// the last batch: subscribers of a busy log get few large batches, which cost them
	// and this server a fraction of many small ones. All subscriptions have the same
	// beat, so that they wake together. After a silence a batch is sent at once.
	quietBeat = 5 * time.Millisecond
	busyBeat  = 50 * time.Millisecond
)

// A subscription is a cursor in the log. It takes the next messages from the tail if
// that holds its place, otherwise from Postgres, and waits at the head.
type subscription struct {
	store  *Store
	source messagestore.Source
	filter messagestore.Filter
	yield  func(messagestore.Event, error) bool

	// place is the last place that was read, in the positions of the source.
	place messagestore.Place
	// global is the same as a global place, at which the tail is read. It is nil while
	// unknown: before a stream was read to its end.
	global *messagestore.Place
	// catchingUp is whether CaughtUp is due at the head.
	catchingUp bool
	sent       time.Time   // when the last event was sent
	heartbeat  *time.Timer // fires heartbeatAfter later
	// next is when a batch that is not full may be sent, since the start of the Store.
	next time.Duration
	rate rate
	lag  lag
}

// errGone is returned when the subscriber does not accept more events.
var errGone = errors.New("the subscriber is gone")

// Subscribe is Store.Subscribe.
func (s *Store) Subscribe(ctx context.Context, r messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		err := normalizeSubscription(&r)
		if err == nil {
			err = s.ownership.checkReader(ctx, r.Source)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		sub := &subscription{
			store: s, source: r.Source, filter: r.Filter, yield: yield, catchingUp: true,
			heartbeat: time.NewTimer(heartbeatAfter),
		}
		defer sub.heartbeat.Stop()
		sub.lag.begin()
		defer s.metrics.subscriptions.add(sub, messagestore.PrincipalOf(ctx))()
		last, err := timely(ctx, func(ctx context.Context) (int64, error) { return sub.start(ctx, &r) })
		if err == nil {
			err = sub.send(messagestore.Started{HeartbeatInterval: heartbeatInterval, HeadPosition: last})
		}
		if err == nil {
			err = sub.run(ctx)
		}
		if !errors.Is(err, errGone) {
			yield(nil, err)
		}
	}
}

// run sends messages until an error.
func (s *subscription) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Checked each time, since the policy may change.
		if err := s.store.ownership.checkReader(ctx, s.source); err != nil {
			return err
		}
		if err := s.step(ctx); err != nil {
			return err
		}
	}
}

// step sends the next messages, or waits.
func (s *subscription) step(ctx context.Context) error {
	var f fetched
	if s.global != nil {
		f = s.store.tail.after(*s.global, maxBatch)
	} else if head, known := s.store.tail.head(); known {
		f.head = head
	}
	switch {
	case !f.held:
		s.catchingUp = true
		s.lag.begin()
		return s.sendPage(ctx, f.head)
	case len(f.messages) > 0:
		s.lag.beginAt(f.messages[0].Time)
		if wait := s.next - time.Since(s.store.started); wait > 0 && len(f.messages) < maxBatch {
			return sleep(ctx, wait)
		}
		return s.sendFromTail(f.messages)
	case f.stopped:
		return errStopping
	}
	s.lag.end()
	if s.catchingUp {
		s.catchingUp = false
		return s.send(messagestore.CaughtUp{Place: s.place})
	}
	// The heartbeat is sent from here, like the messages, and only while the head is
	// known: so it cannot outlive them.
	select {
	case <-f.changed:
		return nil
	case <-s.heartbeat.C:
		return s.sendProgress()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sendFromTail sends the matching ones of the next messages of the log.
func (s *subscription) sendFromTail(messages []messagestore.Message) error {
	last := &messages[len(messages)-1]
	global := messagestore.Place{Position: last.GlobalPosition, ID: last.ID}
	place := global
	if s.source.IsStream() {
		place = s.place
	}
	var batch messagestore.Messages
	for i := range messages {
		m := &messages[i]
		if !s.source.Has(m) {
			continue
		}
		if s.source.IsStream() {
			if m.Position <= place.Position {
				continue // written between the two queries of start
			}
			place = s.source.Place(m)
		}
		if s.filter.Passes(m) {
			batch = append(batch, *m)
		}
	}
	return s.advance(batch, place, &global)
}

// sendPage sends the next page from Postgres, up to the head of the tail, which was
// known before the page is read.
func (s *subscription) sendPage(ctx context.Context, head messagestore.Place) error {
	if err := s.acquirePage(ctx); err != nil {
		return err
	}
	p, err := timely(ctx, func(ctx context.Context) (page, error) {
		return s.store.page(ctx, s.store.readers, pageRequest{
			source: s.source, filter: &s.filter, start: s.place.Position + 1, afterID: s.place.ID, bound: head.Position,
		})
	})
	<-s.store.subscriptionPages
	if errors.Is(err, errDiverged) {
		return s.lostPlace(ctx)
	}
	if err != nil {
		return err
	}
	defer s.store.hold(p)()
	if !s.source.IsStream() && s.place.Position > head.Position {
		// The place is in the log, therefore the tail is behind.
		_, err := timely(ctx, func(ctx context.Context) (any, error) { return nil, s.store.awaitTail(ctx, s.place) })
		return err
	}
	place := s.place
	if p.upTo != nil {
		place = *p.upTo
	}
	global := &place
	switch {
	case p.end && s.source.IsStream():
		global = &head
	case p.end:
		place = head
	case s.source.IsStream():
		global = nil
	}
	return s.advance(p.messages, place, global)
}

// timely calls query and returns errStale if Postgres does not answer for longer
// than a subscription may be silent.
func timely[T any](ctx context.Context, query func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, staleAfter)
	defer cancel()
	answer, err := query(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		err = errStale
	}
	return answer, err
}

// acquirePage waits until the subscription may read a page, and sends heartbeats
// meanwhile. Without the limit, many subscriptions that are behind would take all
// connections.
func (s *subscription) acquirePage(ctx context.Context) error {
	for {
		select {
		case s.store.subscriptionPages <- struct{}{}:
			return nil
		case <-s.heartbeat.C:
			if err := s.sendProgress(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lostPlace returns the error for a place that is not in the log any more.
func (s *subscription) lostPlace(ctx context.Context) error {
	last, err := timely(ctx, s.lastPlace)
	if err != nil {
		return err
	}
	if s.place.Position > last.Position {
		return &messagestore.AheadError{Position: s.place.Position, Head: last.Position}
	}
	return &messagestore.DivergedError{Place: s.place}
}

// advance sends the batch and moves to the place. It sends Progress if nothing was
// sent for heartbeatBetween, so that a long run of skipped messages is not silent.
func (s *subscription) advance(batch messagestore.Messages, place messagestore.Place, global *messagestore.Place) error {
	s.place, s.global = place, global
	if len(batch) > 0 {
		if err := s.send(batch); err != nil {
			return err
		}
		s.schedule(len(batch))
	}
	if global != nil {
		s.lag.position.Store(global.Position)
	}
	if time.Since(s.sent) < heartbeatBetween {
		return nil
	}
	return s.sendProgress()
}

// schedule sets the beat of the next batch, after one of n messages was sent.
func (s *subscription) schedule(n int) {
	now := s.sent.Sub(s.store.started)
	beat := quietBeat
	if s.rate.add(now, n) {
		beat = busyBeat
	}
	s.next = now.Truncate(beat) + beat
}

func (s *subscription) sendProgress() error {
	if !s.store.tail.fresh() {
		return errStale
	}
	return s.send(messagestore.Progress{Place: s.place})
}

func (s *subscription) send(event messagestore.Event) error {
	if !s.yield(event, nil) {
		return errGone
	}
	s.sent = time.Now()
	s.heartbeat.Reset(heartbeatAfter)
	return nil
}
