package rpc

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
)

// Read is Store.Read.
func (c *Client) Read(ctx context.Context, r messagestore.ReadRequest) iter.Seq2[messagestore.Message, error] {
	return func(yield func(messagestore.Message, error) bool) {
		request, err := toRead(r)
		if err != nil {
			yield(messagestore.Message{}, err)
			return
		}
		bounded, quiet := boundSilence(ctx)
		defer quiet.end()

		stream, err := c.service.Read(bounded, request)
		if err == nil {
			_, err = stream.Header() // with which the server says that it is there
		}
		quiet.pause() // from here on a filter may let nothing through for long
		for err == nil {
			response, broke := stream.Recv()
			if errors.Is(broke, io.EOF) {
				return
			}
			err = broke
			for _, m := range response.GetMessages() {
				if !yield(fromMessage(m), nil) {
					return
				}
			}
		}
		yield(messagestore.Message{}, quiet.failure(ctx, request, err))
	}
}

// Subscribe is Store.Subscribe. Silence of two heartbeat intervals ends it with
// an *UnavailableError.
func (c *Client) Subscribe(ctx context.Context, s messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		request, err := toSubscription(s)
		if err != nil {
			yield(nil, err)
			return
		}
		bounded, quiet := boundSilence(ctx)
		defer quiet.end()

		stream, err := c.service.Subscribe(bounded, request)
		for err == nil {
			quiet.resume()
			response, broke := stream.Recv()
			quiet.pause() // the time of who handles the event is not the server's
			if broke != nil {
				err = broke
				break
			}
			event := toEvent(response)
			if started, ok := event.(messagestore.Started); ok && started.HeartbeatInterval > 0 {
				quiet.limit = 2 * started.HeartbeatInterval
			}
			if event != nil && !yield(event, nil) {
				return
			}
		}
		yield(nil, quiet.failure(ctx, request, err))
	}
}

// A silence bounds how long nothing may come from a server. The context that it
// is made with ends when that was too long.
type silence struct {
	limit  time.Duration
	timer  *time.Timer
	ctx    context.Context
	cancel context.CancelCauseFunc
}

var errSilent = &messagestore.UnavailableError{Reason: "the server is silent"}

func boundSilence(ctx context.Context) (context.Context, *silence) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(answerWithin, func() { cancel(errSilent) })
	return ctx, &silence{answerWithin, timer, ctx, cancel}
}

func (s *silence) resume() { s.timer.Reset(s.limit) }

func (s *silence) pause() { s.timer.Stop() }

// end ends the stream too.
func (s *silence) end() {
	s.timer.Stop()
	s.cancel(nil)
}

// failure translates the end of the stream that a caller with ctx made.
func (s *silence) failure(ctx context.Context, request proto.Message, err error) error {
	switch {
	case errors.Is(context.Cause(s.ctx), errSilent):
		return errSilent
	case errors.Is(err, io.EOF):
		return &messagestore.UnavailableError{Reason: "the server ended the stream"}
	}
	return failure(ctx, request, err)
}
