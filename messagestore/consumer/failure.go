package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"videotutorials/messagestore"
)

// A MessageError reports the message that could not be handled.
type MessageError struct {
	Message messagestore.Message
	Cause   error
}

func (e *MessageError) Error() string {
	return fmt.Sprintf("%s %d in %s: %v", e.Message.Type, e.Message.GlobalPosition, e.Message.Stream, e.Cause)
}

func (e *MessageError) Unwrap() error { return e.Cause }

// LogValue returns the text of the error, followed by the value and the stack of
// a panic.
func (e *MessageError) LogValue() slog.Value {
	var panicked *PanicError
	if errors.As(e.Cause, &panicked) {
		return slog.StringValue(fmt.Sprintf("%v\n%v\n%s", e, panicked.Value, panicked.Stack))
	}
	return slog.StringValue(e.Error())
}

// A PanicError is a panic recovered by Protect. Its text is one line.
type PanicError struct {
	Value any // the argument of panic
	Stack []byte
}

func (e *PanicError) Error() string {
	first, _, _ := strings.Cut(fmt.Sprint(e.Value), "\n")
	return "panic: " + first
}

// Protect calls handle and returns its error, or a *PanicError if it panics, so
// that a panic in one handler does not end the process.
func Protect(handle func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
	}()
	return handle()
}

// grace is how long running tasks may continue after a stop.
const grace = 10 * time.Second

// Finishing returns a context for work that a stop must not interrupt: it ends
// 10 s after ctx. The caller MUST call done when the work is finished.
func Finishing(ctx context.Context) (work context.Context, done context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return work, func() {
		stop()
		cancel()
	}
}
