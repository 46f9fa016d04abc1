package consumer

import (
	"fmt"
	"runtime/debug"

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

// Protect calls handle and returns its error, or its panic as an error: a handler
// that panics must not stop the others of the process.
func Protect(handle func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return handle()
}
