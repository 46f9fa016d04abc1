package components

import (
	"context"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// Watched returns the consumer with handlers that report each message that they have
// handled.
func Watched(c Consumer, handled chan<- messagestore.Message) Consumer {
	handlers := make(Handlers, len(c.Handlers))
	for i, h := range c.Handlers {
		handlers[i] = Handler{h.kind, func(r runtime, m messagestore.Message) (consumer.Task, error) {
			task, err := h.prepare(r, m)
			run := task.Run
			task.Run = func(ctx context.Context, release func()) error {
				err := run(ctx, release)
				if err == nil {
					handled <- m
				}
				return err
			}
			return task, err
		}}
	}
	c.Handlers = handlers
	return c
}
