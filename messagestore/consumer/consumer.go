package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"videotutorials/internal/contract"
	"videotutorials/messagestore"
)

// A Consumer handles the messages of some kinds. Fill in ID and Handlers, then
// Run it.
type Consumer struct {
	// ID names the consumer and its position, for ever: `components:send-email`.
	// Two consumers MUST NOT have the same.
	ID string
	// Handlers are what it does. Their categories are one subscription.
	Handlers Handlers
	// Metrics measures it. Defaults to no measuring.
	Metrics *Metrics

	loop atomic.Pointer[Loop]
}

// Handlers are the handlers of a consumer, one a kind of message.
type Handlers []Handler

// A Handler handles the messages of one kind. Make it with On.
type Handler struct {
	kind   contract.Kind
	handle func(context.Context, messagestore.Message) error
}

// On returns the handler of the messages whose contract is M, which names their
// type and category; it panics if M is no contract. The stored message comes
// along, for its stream, positions and metadata.
//
// The context outlives a stop by some seconds, so that what was taken up is
// finished. An error means: not handled, try again.
func On[M proto.Message](handle func(context.Context, M, messagestore.Message) error) Handler {
	var none M
	return Handler{contract.KindOf(none), func(ctx context.Context, m messagestore.Message) error {
		message, err := contract.Decode[M](m)
		if err != nil {
			return err
		}
		return handle(ctx, message, m)
	}}
}

// Run handles messages until the context ends; then it finishes the message that
// is being handled, keeps its position and returns nil. It returns an error only
// if the Consumer is wrong. Call it once.
func (c *Consumer) Run(ctx context.Context, store messagestore.Store, log *slog.Logger) error {
	return c.run(ctx, store, log, defaultLimits)
}

func (c *Consumer) run(ctx context.Context, store messagestore.Store, log *slog.Logger, limits limits) error {
	log = log.With("consumer", c.ID)
	subscription, err := contract.Subscription(c.kinds())
	if err != nil {
		return fmt.Errorf("run %s: %w", c.ID, err)
	}
	stream := positionStream(c.ID)
	if err := stream.Check(); err != nil {
		return fmt.Errorf("run %s: position stream: %w", c.ID, err)
	}
	sink := &sink{
		handlers: map[contract.Kind]Handler{},
		position: position{store: store, stream: stream, log: log, ledger: ledger{limits: limits}},
	}
	for _, h := range c.Handlers {
		sink.handlers[h.kind] = h
	}
	loop := &Loop{
		ID: c.ID, Store: store, Subscription: subscription, Batch: 1, Sink: sink, Metrics: c.Metrics, Log: log,
	}
	c.loop.Store(loop)
	err = loop.Run(ctx)
	sink.position.stop(ctx)
	return err
}

// Ready returns nil while the consumer follows its subscription and handles, and
// an error that says why it does not.
func (c *Consumer) Ready(context.Context) error {
	if loop := c.loop.Load(); loop != nil {
		return loop.Ready()
	}
	return fmt.Errorf("%s: %w", c.ID, errStarting)
}

func (c *Consumer) kinds() []contract.Kind {
	kinds := make([]contract.Kind, len(c.Handlers))
	for i, h := range c.Handlers {
		kinds[i] = h.kind
	}
	return kinds
}

// A sink is the Sink of a consumer.
type sink struct {
	handlers map[contract.Kind]Handler
	position position
	// begun says that the ledger knows what was handled.
	begun bool
}

// Place is where the position was kept, the first time and after Lost; then it
// is what was handled last.
func (s *sink) Place(ctx context.Context) (messagestore.Place, error) {
	if !s.begun {
		if err := s.position.load(ctx); err != nil {
			return messagestore.Place{}, err
		}
		s.position.ledger.restart()
		s.begun = true
	}
	return s.position.ledger.at, nil
}

func (s *sink) Handle(ctx context.Context, messages []messagestore.Message) (int, error) {
	for i, m := range messages {
		place := messagestore.Place{Position: m.GlobalPosition, ID: m.ID}
		handler, ok := s.handlers[contract.Kind{Category: m.Stream.Category(), Type: m.Type}]
		if ok {
			if err := Protect(func() error { return handler.handle(ctx, m) }); err != nil {
				s.position.keep(ctx)
				return i, &MessageError{m, err}
			}
		}
		if ok && m.Stream.Category() != positions {
			s.position.ledger.handle(place, time.Now())
		} else {
			s.position.ledger.skip(place)
		}
		s.position.keep(ctx)
	}
	return len(messages), nil
}

func (s *sink) Skip(ctx context.Context, place messagestore.Place) error {
	s.position.ledger.skip(place)
	s.position.keep(ctx)
	return nil
}

// Lost forgets what was handled, so that Place is the kept one again. That one
// is in the log with its message; where it is not, somebody damaged it, and
// nothing can be done but to say so and try again.
func (s *sink) Lost(_ context.Context, cause error) error {
	kept := s.position.ledger.at == s.position.ledger.saved
	s.begun = false
	if kept {
		return errors.Join(fmt.Errorf("the position kept in %s is not in the log", s.position.stream), cause)
	}
	return nil
}
