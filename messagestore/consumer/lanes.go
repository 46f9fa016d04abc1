package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"videotutorials/messagestore"
)

const (
	// atOnce bounds the entities that are worked on at the same time: enough to
	// hide the store's answers from each other, few enough for its queue.
	atOnce = 16
	// maxOpen bounds what is taken up and not handled, and so the memory. maxFlight
	// bounds what is in flight, and so what comes again after a crash: there may be
	// much that is handled behind a message that takes hours, and others go on.
	maxOpen   = 10_000
	maxFlight = 100_000
)

// lanes are the Sink of a Parallel.
type lanes struct {
	p *Parallel
	// run ends at a stop.
	run context.Context
	// position, begun and accepted, the place of what was taken up last, are the
	// Loop's.
	position position
	begun    bool
	accepted messagestore.Place
	// ctx ends at a stop and when the log was lost.
	ctx    context.Context
	cancel context.CancelFunc
	// going counts the goroutines of ctx.
	going sync.WaitGroup
	slots chan struct{}
	// room holds one while something was handled since it was taken.
	room chan struct{}

	mu     sync.Mutex
	flight flight
	// open is how many of the flight are not handled yet.
	open int
	// waiting is what waits in each lane. A lane that works is in the map.
	waiting map[messagestore.Stream][]*taken
	// failing is why messages that failed are not handled yet.
	failing map[*taken]error
}

func newLanes(ctx context.Context, p *Parallel, kept position) *lanes {
	l := &lanes{
		p: p, run: ctx, position: kept,
		slots: make(chan struct{}, atOnce), room: make(chan struct{}, 1),
	}
	l.reset()
	return l
}

// reset begins with nothing taken up.
func (l *lanes) reset() {
	l.ctx, l.cancel = context.WithCancel(l.run)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flight, l.open, l.waiting, l.failing = nil, 0, map[messagestore.Stream][]*taken{}, map[*taken]error{}
}

// Place is where the position was kept, the first time and after Lost; then it
// is what was taken up last.
func (l *lanes) Place(ctx context.Context) (messagestore.Place, error) {
	if !l.begun {
		if err := l.begin(ctx); err != nil {
			l.p.Metrics.failed(l.p.ID)
			return messagestore.Place{}, err
		}
		l.p.Metrics.placed(l.p.ID, l.accepted)
	}
	return l.accepted, nil
}

func (l *lanes) begin(ctx context.Context) error {
	if err := l.position.load(ctx); err != nil {
		return err
	}
	if l.position.version == messagestore.None {
		inherited, err := inherit(ctx, l.position.store, l.p.ID)
		if err != nil {
			return err
		}
		l.position.ledger.saved = inherited
	}
	l.position.ledger.restart()
	l.accepted, l.begun = l.position.ledger.at, true
	return nil
}

// Handle takes the messages up.
func (l *lanes) Handle(ctx context.Context, messages []messagestore.Message) (int, error) {
	for i, m := range messages {
		if err := l.awaitRoom(ctx); err != nil {
			return i, err
		}
		l.take(ctx, m)
		l.accepted = messagestore.Place{Position: m.GlobalPosition, ID: m.ID}
		l.keep(ctx)
	}
	return len(messages), nil
}

func (l *lanes) take(ctx context.Context, m messagestore.Message) {
	entity, err := l.p.Entity(m)
	if err != nil {
		l.refused(ctx, m, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.flight.take(m).handled = true
	case entity == "" || !l.mine(entity):
		l.flight.skip(messagestore.Place{Position: m.GlobalPosition, ID: m.ID})
	default:
		l.open++
		waiting, busy := l.waiting[entity]
		l.waiting[entity] = append(waiting, l.flight.take(m))
		if !busy {
			l.going.Go(func() { l.lane(entity) })
		}
	}
}

// mine reports whether the entity is in this member's share.
func (l *lanes) mine(entity messagestore.Stream) bool {
	share := messagestore.Filter{Group: l.p.Group}
	return share.Passes(&messagestore.Message{Stream: entity})
}

// Skip is Sink.Skip.
func (l *lanes) Skip(ctx context.Context, place messagestore.Place) error {
	l.mu.Lock()
	l.flight.skip(place)
	l.mu.Unlock()
	l.accepted = place
	l.keep(ctx)
	return nil
}

// Lost ends what is being handled and forgets it, so that Place is the kept one
// again.
func (l *lanes) Lost(_ context.Context, cause error) error {
	kept := l.accepted == l.position.ledger.saved
	l.cancel()
	l.going.Wait()
	l.reset()
	l.begun = false
	if kept {
		return errors.Join(fmt.Errorf("the position kept in %s is not in the log", l.position.stream), cause)
	}
	return nil
}

// stop waits until what is being handled is, and keeps the position.
func (l *lanes) stop(ctx context.Context) {
	l.cancel()
	l.going.Wait()
	l.settle()
	l.position.stop(ctx)
}

// keep keeps the position if it is due.
func (l *lanes) keep(ctx context.Context) {
	l.settle()
	l.position.keep(ctx)
}

// settle moves the position, and reports whether there is room for more.
func (l *lanes) settle() (room bool) {
	before := l.position.ledger.at
	l.mu.Lock()
	l.flight.settle(&l.position.ledger, time.Now())
	taken := len(l.flight)
	room = l.open < maxOpen && taken < maxFlight
	l.mu.Unlock()
	if at := l.position.ledger.at; taken == 0 || at != before {
		l.p.Metrics.moved(l.p.ID, at)
	}
	return room
}

// awaitRoom returns when another message may be taken up, or an error at a stop.
func (l *lanes) awaitRoom(ctx context.Context) error {
	for !l.settle() {
		l.position.keep(ctx)
		select {
		case <-l.room:
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
	return nil
}
