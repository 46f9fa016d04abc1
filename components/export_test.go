package components

import (
	"context"

	"videotutorials/messagestore"
)

// Watched returns the consumer with handlers that tell what they have handled.
func Watched(c Consumer, handled chan<- messagestore.Message) Consumer {
	handlers := make(Handlers, len(c.Handlers))
	for i, h := range c.Handlers {
		handle := h.handle
		h.handle = func(ctx context.Context, f frame, m messagestore.Message, release func()) error {
			err := handle(ctx, f, m, release)
			if err == nil {
				handled <- m
			}
			return err
		}
		handlers[i] = h
	}
	c.Handlers = handlers
	return c
}
