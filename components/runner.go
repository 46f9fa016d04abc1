package components

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"videotutorials/internal/limit"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
)

// A Consumer is one subscription of a component, with the handlers of its messages.
type Consumer struct {
	// ID identifies the consumer and its position, such as `components:send-email`.
	// It MUST never change. The ids of emitted messages derive from it.
	ID string
	// Origin, if not "", limits the subscription to messages whose metadata
	// originStreamName is a stream of this category: the answers to the component's
	// own commands.
	Origin messagestore.Category
	// Group, if not nil, makes the consumer a member of a consumer group. Each member
	// handles its share of the entities.
	Group *messagestore.ConsumerGroup
	// Concurrency limits the attempts of effects that run at the same time. Defaults
	// to 16.
	Concurrency int
	// Handlers handle the messages. Their categories form one subscription.
	Handlers Handlers
}

const (
	defaultConcurrency = 16
	// pollConcurrency limits the reads of effects that wait: any number may.
	pollConcurrency = 16
)

// A Runner runs the consumers of components.
type Runner struct {
	consumers []*consumer.Consumer
}

// New returns a Runner of consumers that read from the store and write to it. It
// returns an error if a consumer is invalid, or if two have the same ID. Metrics may
// be nil.
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
		r.consumers = append(r.consumers, one)
	}
	return r, nil
}

// Distinct returns an error if two of the consumers have the same ID, and so would share
// a position. New checks its own consumers; a process with several Runners MUST check
// all of them.
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
	r := runtime{
		consumer: c.ID, store: store, log: log,
		attempts: &limit.Semaphore{Total: cmp.Or(c.Concurrency, defaultConcurrency)}, polls: semaphore.NewWeighted(pollConcurrency),
	}
	return &consumer.Consumer{
		ID: c.ID, Group: c.Group, Store: store, Subscription: subscription, Metrics: metrics, Log: log,
		Prepare: func(m messagestore.Message) (consumer.Task, error) {
			h, ok := handlers[kindOf(m)]
			if !ok {
				return consumer.Task{}, nil // the subscription is every type in every category of the handlers
			}
			return h.prepare(r, m)
		},
	}, nil
}

// kindOf returns the kind of a stored message.
func kindOf(m messagestore.Message) contract.Kind {
	return contract.Kind{Category: m.Stream.Category(), Type: m.Type}
}

// Run runs the consumers until the context ends. Then it finishes the messages that are
// being handled, saves the positions and returns nil. A consumer that fails retries for
// ever, and the others go on. Call Run once.
func (r *Runner) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range r.consumers {
		group.Go(func() error { return c.Run(ctx) })
	}
	return group.Wait()
}

// Ready returns nil if every consumer is subscribed and no message fails, and otherwise
// an error with the reasons.
func (r *Runner) Ready(context.Context) error {
	var reasons []error
	for _, c := range r.consumers {
		reasons = append(reasons, c.Ready())
	}
	return errors.Join(reasons...)
}
