package components

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
)

// A Consumer is one subscription of a component, and what is done with its
// messages.
type Consumer struct {
	// ID names the consumer and its position, for ever: `components:send-email`.
	// The ids of what it emits derive from it.
	ID string
	// Origin, unless "", narrows it to messages whose metadata originStreamName is
	// a stream of that category: the answers to the component's own commands.
	Origin messagestore.Category
	// Group, if not nil, is the member of a group that this one is. Its share is
	// entities.
	Group *messagestore.ConsumerGroup
	// AtOnce bounds the attempts of effects that are made at the same time.
	// Defaults to 16.
	AtOnce int
	// Handlers are what it does. Their categories are one subscription.
	Handlers Handlers
}

const (
	// atOnce is the default of AtOnce.
	atOnce = 16
	// lookAtOnce bounds the looks at what is known of effects.
	lookAtOnce = 16
)

// A Runner runs the consumers of components.
type Runner struct {
	running []*consumer.Consumer
}

// New returns a Runner of the consumers, which follow the store and write to it.
// It returns an error if a consumer is wrong, or two have one ID. Metrics may be
// nil.
func New(store messagestore.Store, metrics *consumer.Metrics, log *slog.Logger, consumers ...Consumer) (*Runner, error) {
	if err := Distinct(consumers...); err != nil {
		return nil, err
	}
	r := &Runner{}
	for _, c := range consumers {
		one, err := c.newConsumer(store, metrics, log.With("consumer", c.ID))
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", c.ID, err)
		}
		r.running = append(r.running, one)
	}
	return r, nil
}

// Distinct returns an error if two of the consumers have one ID: they would move
// one position. New looks at its own; a process with several Runners MUST at all.
func Distinct(consumers ...Consumer) error {
	ids := map[string]bool{}
	for _, c := range consumers {
		if ids[c.ID] {
			return fmt.Errorf("two consumers have the ID %s", c.ID)
		}
		ids[c.ID] = true
	}
	return nil
}

func (c Consumer) newConsumer(store messagestore.Store, metrics *consumer.Metrics, log *slog.Logger) (*consumer.Consumer, error) {
	kinds := make([]contract.Kind, len(c.Handlers))
	handlers := map[contract.Kind]Handler{}
	for i, h := range c.Handlers {
		kinds[i], handlers[h.kind] = h.kind, h
	}
	subscription, err := contract.Subscription(kinds)
	if err != nil {
		return nil, err
	}
	subscription.Filter.Origin = c.Origin
	f := frame{
		consumer: c.ID, store: store, log: log,
		effects: newPlaces(cmp.Or(c.AtOnce, atOnce)), looks: newPlaces(lookAtOnce),
	}
	return &consumer.Consumer{
		ID: c.ID, Group: c.Group, Store: store, Subscription: subscription, Metrics: metrics, Log: log,
		Prepare: func(m messagestore.Message) (consumer.Task, error) {
			h, ok := handlers[contract.Kind{Category: m.Stream.Category(), Type: m.Type}]
			if !ok {
				return consumer.Task{}, nil // a type of ours in another category of ours
			}
			entity, err := h.entity(m)
			return consumer.Task{Entity: entity, Run: func(ctx context.Context, release func()) error {
				return h.handle(ctx, f, m, release)
			}}, err
		},
	}, nil
}

// Run runs the consumers until the context ends; then they finish what they have
// begun, keep their positions, and it returns nil. One that fails tries again for
// ever, and the others go on. Call it once.
func (r *Runner) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range r.running {
		group.Go(func() error { return one.Run(ctx) })
	}
	return group.Wait()
}

// Ready returns nil while each consumer follows and handles, and an error that
// says which do not, and why.
func (r *Runner) Ready(context.Context) error {
	var reasons []error
	for _, one := range r.running {
		reasons = append(reasons, one.Ready())
	}
	return errors.Join(reasons...)
}
