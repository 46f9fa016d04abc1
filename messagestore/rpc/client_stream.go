package rpc

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
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
		bounded, quiet := c.boundSilence(ctx)
		defer quiet.end()

		stream, err := c.service.Read(bounded, request)
		quiet.of(stream, err)
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
		bounded, quiet := c.boundSilence(ctx)
		defer quiet.end()

		stream, err := c.service.Subscribe(bounded, request)
		quiet.of(stream, err)
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
	limit   time.Duration
	timer   *time.Timer
	ctx     context.Context
	cancel  context.CancelCauseFunc
	servers *servers
	stream  grpc.ClientStream // nil until there is one
}

var errSilent = &messagestore.UnavailableError{Reason: "the server is silent"}

func (c *Client) boundSilence(ctx context.Context) (context.Context, *silence) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(answerWithin, func() { cancel(errSilent) })
	return ctx, &silence{limit: answerWithin, timer: timer, ctx: ctx, cancel: cancel, servers: c.servers}
}

// of says which stream it is.
func (s *silence) of(stream grpc.ClientStream, err error) {
	if err == nil {
		s.stream = stream
	}
}

func (s *silence) resume() { s.timer.Reset(s.limit) }

func (s *silence) pause() { s.timer.Stop() }

// end ends the stream too.
func (s *silence) end() {
	s.timer.Stop()
	s.cancel(nil)
}

// blame leaves the server of the stream out of what comes next.
func (s *silence) blame() {
	if s.stream == nil {
		return
	}
	if server, ok := peer.FromContext(s.stream.Context()); ok {
		s.servers.wasSilent(server.Addr, time.Now().Add(-s.limit))
	}
}

// failure translates the end of the stream that a caller with ctx made.
func (s *silence) failure(ctx context.Context, request proto.Message, err error) error {
	switch {
	case errors.Is(context.Cause(s.ctx), errSilent):
		s.blame()
		return errSilent
	case errors.Is(err, io.EOF):
		return &messagestore.UnavailableError{Reason: "the server ended the stream"}
	}
	return failure(ctx, request, err)
}
