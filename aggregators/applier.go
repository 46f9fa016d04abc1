package aggregators

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
	"videotutorials/messagestore/contract"
)

// An applier is the consumer.BatchHandler of one aggregator.
type applier struct {
	aggregator Aggregator
	handlers   map[contract.Kind]Handler
	db         *pgxpool.Pool
	log        *slog.Logger
	// conn is the connection that holds the lock and executes the statements; nil
	// before connect. It is not part of the pool, which has few connections.
	conn *pgx.Conn
	// saved is the saved position, as far as known. skipped is saved, or the place of
	// the last message skipped after it.
	saved, skipped messagestore.Place
	standby        atomic.Bool
	// unlocked makes tests work without the lock, to rely on the fence alone.
	unlocked bool
}

func newApplier(a Aggregator, db *pgxpool.Pool, log *slog.Logger) *applier {
	handlers := map[contract.Kind]Handler{}
	for _, h := range a.Handlers {
		handlers[h.kind] = h
	}
	return &applier{aggregator: a, handlers: handlers, db: db, log: log}
}

// Place waits for the lock and returns the saved position.
func (a *applier) Place(ctx context.Context) (place messagestore.Place, err error) {
	if err := a.connect(ctx); err != nil {
		return place, err
	}
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	a.saved, err = readPosition(ctx, a.conn, a.aggregator)
	a.skipped = a.saved
	return a.saved, err
}

// Handle applies the messages in one transaction. If one of them cannot be
// applied, Handle applies those before it.
func (a *applier) Handle(ctx context.Context, messages []messagestore.Message) (int, error) {
	pending := after(a.saved, messages)
	if len(pending) == 0 {
		return len(messages), nil
	}
	n, err := a.applyPrefix(ctx, pending, false)
	if err == nil {
		n = len(messages)
	}
	return n, err
}

// after returns the messages after the place, each once. A store delivers no
// others, but a view must not depend on it.
func after(place messagestore.Place, messages []messagestore.Message) []messagestore.Message {
	pending := make([]messagestore.Message, 0, len(messages))
	for _, m := range messages {
		if m.GlobalPosition > place.Position {
			pending = append(pending, m)
			place.Position = m.GlobalPosition
		}
	}
	return pending
}

// Skip saves the position after 10,000 skipped messages. To skip fewer again after
// a restart costs less than to save the position.
func (a *applier) Skip(ctx context.Context, place messagestore.Place) error {
	a.skipped = place
	if place.Position-a.saved.Position < consumer.MaxSkipped {
		return nil
	}
	return a.commit(ctx, a.fencedBatch(place), place)
}

// Diverged resets the aggregator if the log does not contain its saved position. If
// it subscribed after skipped messages, only these may be missing in the log, and
// the subscription resumes at the saved position.
func (a *applier) Diverged(ctx context.Context, cause error) error {
	if a.skipped != a.saved {
		return nil
	}
	a.log.WarnContext(ctx, "log was restored, resetting the view", "position", a.saved.Position, "error", cause)
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	return reset(ctx, a.conn, a.aggregator, a.saved)
}

// A mergedError is an error of a statement for several messages, any of which may
// be its cause.
type mergedError struct{ cause error }

func (e *mergedError) Error() string { return e.cause.Error() }

func (e *mergedError) Unwrap() error { return e.cause }

// applyPrefix applies the messages up to the first that cannot be applied, and
// returns their number. If separate, it does not merge statements.
func (a *applier) applyPrefix(ctx context.Context, messages []messagestore.Message, separate bool) (int, error) {
	n, err := a.apply(ctx, messages, separate)
	if err == nil {
		return n, nil
	}
	var merged *mergedError
	if errors.As(err, &merged) && !a.conn.IsClosed() {
		a.log.WarnContext(ctx, "merged statement failed, applying each message separately",
			"position", messages[n].GlobalPosition, "error", err)
		return a.applyPrefix(ctx, messages, true)
	}
	if n > 0 {
		if applied, err := a.applyPrefix(ctx, messages[:n], separate); err != nil {
			return applied, err
		}
	}
	return n, err
}

// apply applies all messages in one transaction and returns their number. If it
// fails, it applies none and returns the index of the first message of the failed
// statement; 0 if no statement failed.
func (a *applier) apply(ctx context.Context, messages []messagestore.Message, separate bool) (n int, err error) {
	begun := time.Now()
	executions, n, err := a.executions(ctx, messages, separate)
	if err != nil {
		return n, err
	}
	last := messages[len(messages)-1]
	to := messagestore.Place{Position: last.GlobalPosition, ID: last.ID}
	batch := a.fencedBatch(to)
	for _, e := range executions {
		batch.Queue(e.SQL, e.parameters()...).Fn = func(results pgx.BatchResults) error {
			_, err := results.Exec()
			switch {
			case err == nil:
				return nil
			case len(e.rows) > 1:
				err = &mergedError{err}
			default:
				err = &consumer.MessageError{Message: messages[e.first], Cause: err}
			}
			n = e.first
			return err
		}
	}
	if err := a.commit(ctx, batch, to); err != nil {
		return n, err
	}
	consumer.RecordSpans(ctx, messages, a.aggregator.ID, begun)
	return len(messages), nil
}

// executions returns the executions of the statements for the messages. If a
// handler fails, it returns the index of the message.
func (a *applier) executions(ctx context.Context, messages []messagestore.Message, separate bool) (all []execution, failed int, err error) {
	for i, m := range messages {
		handler, ok := a.handler(m)
		if !ok {
			continue
		}
		var s Statement
		err := consumer.Protect(func() (err error) {
			s, err = handler.statement(m)
			return err
		})
		switch {
		case err != nil:
			return nil, i, &consumer.MessageError{Message: m, Cause: err}
		case s.SQL == "":
			a.log.WarnContext(ctx, "message skipped", "stream", m.Stream, "type", m.Type,
				"position", m.GlobalPosition, "reason", s.Skipped)
		case separate || len(all) == 0 || !all[len(all)-1].merge(s):
			all = append(all, execution{s, i, [][]any{s.Args}})
		}
	}
	return all, 0, nil
}

// handler returns the handler of the message, if it has one. A message with the
// type of one subscribed category in another of them has none.
func (a *applier) handler(m messagestore.Message) (Handler, bool) {
	h, ok := a.handlers[contract.Kind{Category: m.Stream.Category(), Type: m.Type}]
	if !ok {
		h, ok = a.handlers[anyKind]
	}
	return h, ok
}

// fencedBatch returns a batch whose first statement moves the saved position.
func (a *applier) fencedBatch(to messagestore.Place) *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(fence, fenceArgs(a.aggregator, a.saved, to)...)
	return b
}

// commit executes the batch in one round trip. A batch without begin is one
// transaction. After an error, the outcome of which may be unknown, the consumer
// calls Place.
func (a *applier) commit(ctx context.Context, b *pgx.Batch, to messagestore.Place) error {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	err := a.conn.SendBatch(ctx, b).Close()
	if database.SQLState(err) == fenceRaised {
		return fmt.Errorf("%w: %w", consumer.ErrMoved, err)
	}
	if err != nil {
		return err
	}
	a.saved, a.skipped = to, to
	return nil
}
