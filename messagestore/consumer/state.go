package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

var errStarting = errors.New("starting")

// A state is why a Loop does not run, or that it does. None means: starting.
type state struct {
	// reason is nil while it runs.
	reason error
	// stuck says that only a handled or skipped message is a sign of life: a
	// subscription that starts is none after a failed handler.
	stuck bool
}

// Ready returns nil while the loop follows and handles, and an error that says
// why it does not.
func (l *Loop) Ready() error {
	reason := errStarting
	if s := l.state.Load(); s != nil {
		reason = s.reason
	}
	if reason == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", l.ID, reason)
}

func (l *Loop) started() {
	if s := l.state.Load(); s == nil || !s.stuck {
		l.running()
	}
}

func (l *Loop) running() {
	if before := l.state.Swap(&state{}); before != nil && before.reason != nil {
		l.Log.Info("going on again")
	}
}

// broken is told by Follow that the subscription broke; Follow goes on by itself.
func (l *Loop) broken(err error) {
	if s := l.state.Load(); s == nil || !s.stuck {
		l.state.Store(&state{reason: fmt.Errorf("subscription broke: %w", err)})
	}
	l.Log.Warn("subscription broke", "error", err)
}

func (l *Loop) failed(ctx context.Context, err error, pause time.Duration) {
	if errors.Is(err, ErrMoved) {
		l.Log.InfoContext(ctx, "going on from another place", "reason", err)
		return
	}
	l.state.Store(&state{reason: err, stuck: true})
	l.Metrics.failed(l.ID)
	attributes := []slog.Attr{slog.Any("error", err), slog.Duration("pause", pause)}
	var at *MessageError
	if errors.As(err, &at) {
		attributes = append(attributes, slog.String("message", at.Message.ID), slog.Int64("position", at.Message.GlobalPosition))
	}
	l.Log.LogAttrs(ctx, slog.LevelError, "stopped, and trying again", attributes...)
}
