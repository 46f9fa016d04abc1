package aggregators

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// A runError says that Postgres refused a run of several messages; which of them
// is to blame is not known.
type runError struct{ cause error }

func (e *runError) Error() string { return e.cause.Error() }

func (e *runError) Unwrap() error { return e.cause }

// applyGood applies the messages or, if one of them cannot be applied, those
// before, and returns how many it has applied. Alone, each is a run of its own.
func (f *follower) applyGood(ctx context.Context, messages []messagestore.Message, alone bool) (int, error) {
	good, err := f.apply(ctx, messages, alone)
	if err == nil {
		return good, nil
	}
	var refused *runError
	if errors.As(err, &refused) && !f.conn.IsClosed() {
		f.log.WarnContext(ctx, "applying each message alone, since a run of them was refused",
			"position", messages[good].GlobalPosition, "error", err)
		return f.applyGood(ctx, messages, true)
	}
	if good > 0 {
		if before, err := f.applyGood(ctx, messages[:good], alone); err != nil {
			return before, err
		}
	}
	return good, err
}

// apply applies the messages in one transaction, or none of them. If it is for
// one of them, it returns its index, if for a run, that of its first, else 0.
func (f *follower) apply(ctx context.Context, messages []messagestore.Message, alone bool) (good int, err error) {
	begun := time.Now()
	runs, good, err := f.shape(ctx, messages, alone)
	if err != nil {
		return good, err
	}
	last := messages[len(messages)-1]
	to := messagestore.Place{Position: last.GlobalPosition, ID: last.ID}
	batch := f.fenced(to)
	for _, r := range runs {
		batch.Queue(r.SQL, r.parameters()...).Fn = func(results pgx.BatchResults) error {
			_, err := results.Exec()
			if err == nil {
				return nil
			}
			good = r.first
			if len(r.rows) > 1 {
				return &runError{err}
			}
			return &consumer.MessageError{Message: messages[good], Cause: err}
		}
	}
	if err := f.commit(ctx, batch, to); err != nil {
		return good, err
	}
	consumer.RecordSpans(ctx, messages, f.aggregator.ID, begun)
	return len(messages), nil
}

// shape returns the runs of the messages. If a handler fails, it returns the
// index of its message.
func (f *follower) shape(ctx context.Context, messages []messagestore.Message, alone bool) (runs []run, bad int, err error) {
	for i, m := range messages {
		handler, ok := f.handler(m)
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
			f.log.WarnContext(ctx, "message skipped", "stream", m.Stream, "type", m.Type,
				"position", m.GlobalPosition, "reason", s.Skipped)
		case alone || len(runs) == 0 || !runs[len(runs)-1].add(s):
			runs = append(runs, run{s, i, [][]any{s.Args}})
		}
	}
	return runs, 0, nil
}
