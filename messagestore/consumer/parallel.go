package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"videotutorials/messagestore"
)

// A Parallel is a consumer that works on several entities at the same time, and
// handles the messages for one entity in order. One that fails is tried again
// with growing pauses, while the others go on.
//
//	subscription ──▶ a lane an entity ──▶ handled ──▶ the position, behind
//	                 16 work at a time                all that is handled
//
// The position that it keeps is one below the oldest message that is not
// handled; at most 10,000 messages beyond that are taken up. So after a crash
// messages come again, also some that were handled, and handling MUST be
// idempotent.
type Parallel struct {
	// ID names the consumer and its position, for ever.
	ID string
	// Group, if not nil, is the member of a consumer group that this one is. Its
	// share is entities, not the streams that messages come in; its position is
	// `<ID>+<member>-of-<size>`. A new size begins at the smallest position of an
	// old one.
	Group        *messagestore.ConsumerGroup
	Store        messagestore.Store
	Subscription messagestore.Subscription
	// Entity returns the stream that is written for the message, by which
	// messages are kept in order. "": the message is skipped. An error says that
	// nobody can handle it, ever; it is skipped, with a line in the log.
	Entity func(messagestore.Message) (messagestore.Stream, error)
	// Handle handles a message. The context ends at a stop; what must not be
	// broken off is done under Finishing. Calling release, once or never, lets the
	// next message for the entity go on, and gives the place among the 16 to
	// another. An error means: not handled, try again; but after an
	// *InvalidError of the store, which no try mends, the message is skipped, with
	// a line in the log.
	Handle func(ctx context.Context, m messagestore.Message, release func()) error
	// Metrics measures it. Defaults to no measuring.
	Metrics *Metrics
	Log     *slog.Logger

	loop  atomic.Pointer[Loop]
	lanes atomic.Pointer[lanes]
}

// Run handles messages until the context ends; then it finishes what is being
// handled, keeps its position and returns nil. It returns an error only if the
// Parallel is wrong. Call it once.
func (p *Parallel) Run(ctx context.Context) error {
	return p.run(ctx, defaultLimits)
}

func (p *Parallel) run(ctx context.Context, limits limits) error {
	stream := positionStream(member(p.ID, p.Group))
	if err := stream.Check(); err != nil {
		return fmt.Errorf("run %s: position stream: %w", p.ID, err)
	}
	l := newLanes(ctx, p, position{store: p.Store, stream: stream, log: p.Log, ledger: ledger{limits: limits}})
	loop := &Loop{ID: p.ID, Store: p.Store, Subscription: p.Subscription, Batch: 1, Sink: l, Log: p.Log}
	p.lanes.Store(l)
	p.loop.Store(loop)
	err := loop.Run(ctx)
	l.stop(ctx)
	return err
}

// Ready returns nil while it follows its subscription and each entity is
// handled, and else an error that says why not.
func (p *Parallel) Ready() error {
	loop, l := p.loop.Load(), p.lanes.Load()
	if loop == nil {
		return fmt.Errorf("%s: %w", p.ID, errStarting)
	}
	return errors.Join(loop.Ready(), l.failure())
}

// Finishing returns a context for work that a stop does not break off: it ends
// 10 s after ctx. The caller MUST call done when the work is.
func Finishing(ctx context.Context) (work context.Context, done context.CancelFunc) {
	return finishing(ctx)
}
