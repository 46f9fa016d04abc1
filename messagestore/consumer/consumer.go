package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/messagestore"
)

// ErrMoved is returned by a BatchHandler that finds another stored place than it
// expected, because an operator moved it or a second instance runs. The consumer
// resumes at the stored place.
var ErrMoved = errors.New("the stored place has changed")

// A Consumer subscribes to messages, handles them and keeps its position. Set
// either Prepare or Batches.
type Consumer struct {
	// ID names the consumer and its position. It MUST never change.
	ID    string
	Store messagestore.Store
	// Subscription selects the messages. Its source MUST have global positions: it
	// MUST NOT be a stream.
	Subscription messagestore.Subscription
	// Prepare decodes a message and returns the task that handles it. Tasks of
	// different entities run in parallel, at most 16 at a time. The consumer keeps
	// its position in the stream `subscriberPosition-<ID>`. A message for which
	// Prepare returns an error is logged and skipped.
	Prepare func(messagestore.Message) (Task, error)
	// Group, if not nil, makes a consumer with Prepare one member of a consumer
	// group. The members divide the entities among them, not the streams that the
	// messages come in. The position stream is
	// `subscriberPosition-<ID>+<member>-of-<size>`. A group of a new size begins
	// at the smallest position of the old group.
	Group *messagestore.ConsumerGroup
	// Batches handles the messages in batches of at most BatchSize, in order, and
	// stores the position itself.
	Batches   BatchHandler
	BatchSize int
	// Metrics defaults to metrics that are not exported.
	Metrics *Metrics
	Log     *slog.Logger

	handler BatchHandler // the workers, or Batches
	size    int          // of a batch
	workers atomic.Pointer[workers]
	status  atomic.Pointer[status]
}

// A Task handles one message. The zero Task skips it.
type Task struct {
	// Entity is the stream that handling writes to. Tasks of one entity run one
	// after the other, in the order of the log.
	Entity messagestore.Stream
	// Run handles the message. Its context ends when the consumer stops; work that
	// must not be interrupted uses Finishing. An error or a panic makes the
	// consumer run the task again after a backoff, except for a
	// *messagestore.InvalidError, which no retry can mend: the message is logged
	// and skipped. Run may call release once, to let the next task of the entity
	// start and to give its turn among the 16 to another task.
	Run func(ctx context.Context, release func()) error
}

// A BatchHandler handles messages in batches and stores the consumer's place in
// the same transaction as the result. Its methods are called by one goroutine.
type BatchHandler interface {
	// Place returns the place of the last message handled, where the subscription
	// resumes. It is called at the start, after an error of another method, and
	// after Diverged. It may wait for its turn until the context ends, which it
	// does when the consumer stops.
	Place(ctx context.Context) (messagestore.Place, error)
	// Handle handles the messages in order and returns how many are handled: all
	// of them, or fewer and an error.
	Handle(ctx context.Context, messages []messagestore.Message) (int, error)
	// Skip records that no message up to and including the place remains to be
	// handled.
	Skip(ctx context.Context, place messagestore.Place) error
	// Diverged handles a *messagestore.AheadError or *messagestore.DivergedError:
	// the place at which the consumer subscribed is not in the log.
	Diverged(ctx context.Context, cause error) error
}

// Run handles messages until the context ends. Then it finishes the running
// tasks, saves the position and returns nil. Failures are retried with backoff.
// Run returns an error only if the Consumer is misconfigured. Call it once.
func (c *Consumer) Run(ctx context.Context) error { return c.run(ctx, defaultLimits) }

func (c *Consumer) run(ctx context.Context, limits limits) error {
	if c.Metrics == nil {
		c.Metrics = NewMetrics(prometheus.NewRegistry(), c.Store)
	}
	c.handler, c.size = c.Batches, c.BatchSize
	if c.Prepare != nil {
		w, err := newWorkers(ctx, c, limits)
		if err != nil {
			return fmt.Errorf("run %s: %w", c.ID, err)
		}
		defer w.stop(ctx)
		c.handler, c.size = w, 1
		c.workers.Store(w)
	}
	work, done := Finishing(ctx)
	defer done()
	s := subscriber{
		store:    c.Store,
		start:    func() (messagestore.Subscription, error) { return c.start(ctx) },
		deliver:  func(event messagestore.Event) error { return c.deliver(ctx, work, event) },
		final:    func(err error) error { return c.diverged(work, err) },
		retrying: c.retrying,
	}
	_ = s.run(ctx) // the error of ctx: all others are retried
	return nil
}

// start returns the subscription that resumes after the handler's place.
// Positions written by the original system have no message id.
func (c *Consumer) start(ctx context.Context) (messagestore.Subscription, error) {
	s := c.Subscription
	place, err := c.handler.Place(ctx)
	if err != nil {
		return s, err
	}
	c.Metrics.placed(c.ID, place)
	if place.ID != "" {
		s.After = &place
	} else if place.Position > 0 {
		s.From = place.Position + 1
	}
	return s, nil
}

// deliver passes an event to the handler. The handler's context is work, which
// outlives ctx for a grace period.
func (c *Consumer) deliver(ctx, work context.Context, event messagestore.Event) error {
	switch e := event.(type) {
	case messagestore.Started:
		if s := c.status.Load(); s == nil || !s.stuck {
			c.running()
		}
	case messagestore.Messages:
		for batch := range slices.Chunk(e, c.size) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			start := time.Now()
			n, err := c.handler.Handle(work, batch)
			if n > 0 {
				c.running()
			}
			if n > 0 && c.Prepare == nil { // the workers measure each task
				c.Metrics.handled(c.ID, n, time.Since(start))
				c.Metrics.moved(c.ID, placeOf(&batch[n-1]))
			}
			if err != nil {
				return err
			}
		}
	case messagestore.CaughtUp:
		return c.skip(work, e.Place)
	case messagestore.Progress:
		return c.skip(work, e.Place)
	}
	return nil
}

func (c *Consumer) skip(ctx context.Context, place messagestore.Place) error {
	if err := c.handler.Skip(ctx, place); err != nil {
		return err
	}
	c.running()
	if c.Prepare == nil {
		c.Metrics.moved(c.ID, place)
	}
	return nil
}

func (c *Consumer) diverged(ctx context.Context, cause error) error {
	if isDivergence(cause) {
		if err := c.handler.Diverged(ctx, cause); err != nil {
			return err
		}
	}
	return cause
}

// A status is why a Consumer is not ready; a nil *status means that it starts.
type status struct {
	// reason is nil while messages are handled.
	reason error
	// stuck is true after a failure other than a broken subscription. It ends
	// when a message is handled or skipped, not when a subscription starts.
	stuck bool
}

var errStarting = errors.New("starting")

// Ready returns nil while the consumer is subscribed and no message fails.
// Otherwise it returns the reason.
func (c *Consumer) Ready() error {
	reason := errStarting
	if s := c.status.Load(); s != nil {
		reason = s.reason
	}
	if reason != nil {
		reason = fmt.Errorf("%s: %w", c.ID, reason)
	}
	if w := c.workers.Load(); w != nil {
		reason = errors.Join(reason, w.failure())
	}
	return reason
}

func (c *Consumer) running() {
	if before := c.status.Swap(&status{}); before != nil && before.reason != nil {
		c.Log.Info("consumer resumed")
	}
}

// retrying records a failure. The subscription is retried after the pause.
func (c *Consumer) retrying(err error, pause time.Duration) {
	var (
		broken *brokenError
		failed *MessageError
	)
	switch {
	case errors.As(err, &broken):
		if s := c.status.Load(); s == nil || !s.stuck {
			c.status.Store(&status{reason: err})
		}
		c.Log.Warn("subscription broke", "error", broken.cause)
		return
	case errors.Is(err, ErrMoved):
		c.Log.Info("resuming at the stored position", "reason", err)
		return
	}
	c.status.Store(&status{reason: err, stuck: true})
	c.Metrics.failed(c.ID)
	log := c.Log.With("error", err, "pause", pause)
	if errors.As(err, &failed) {
		log = log.With("message", failed.Message.ID, "position", failed.Message.GlobalPosition)
	}
	log.Error("consumer stopped, retrying")
}
