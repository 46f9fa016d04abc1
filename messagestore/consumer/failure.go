package consumer

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"videotutorials/messagestore"
)

// A MessageError is returned by a Sink's Handle for the message that cannot be
// handled.
type MessageError struct {
	Message messagestore.Message
	Cause   error
}

func (e *MessageError) Error() string {
	return fmt.Sprintf("%s %d in %s: %v", e.Message.Type, e.Message.GlobalPosition, e.Message.Stream, e.Cause)
}

func (e *MessageError) Unwrap() error { return e.Cause }

// LogValue is the text of the error, and behind it all of a panic, and its stack.
func (e *MessageError) LogValue() slog.Value {
	var panicked *PanicError
	if errors.As(e.Cause, &panicked) {
		return slog.StringValue(fmt.Sprintf("%v\n%v\n%s", e, panicked.Value, panicked.Stack))
	}
	return slog.StringValue(e.Error())
}

// A PanicError is returned by Protect for a panic. Its text is one line.
type PanicError struct {
	// Value is what the panic was called with, Stack where.
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	first, _, _ := strings.Cut(fmt.Sprint(e.Value), "\n")
	return "panic: " + first
}

// Protect calls handle and returns its error, or its panic as a *PanicError: a
// handler that panics must not stop the others of the process.
func Protect(handle func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
	}()
	return handle()
}
