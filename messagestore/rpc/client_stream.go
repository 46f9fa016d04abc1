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

var errSilent = &messagestore.UnavailableError{Reason: "the server is silent"}

// Read is Store.Read.
func (c *Client) Read(ctx context.Context, r messagestore.ReadRequest) iter.Seq2[messagestore.Message, error] {
	return func(yield func(messagestore.Message, error) bool) {
		request, err := toRead(r)
		if err != nil {
			yield(messagestore.Message{}, err)
			return
		}
		w := newWatchdog(ctx)
		defer w.stop()
		stream, err := c.service.Read(w.ctx, request)
		if err == nil {
			_, err = stream.Header() // the server sends it at once
		}
		w.timer.Stop() // a filter may skip all messages for a long time
		for err == nil {
			response, receiveErr := stream.Recv()
			if errors.Is(receiveErr, io.EOF) {
				return
			}
			err = receiveErr
			for _, m := range response.GetMessages() {
				if !yield(fromMessage(m), nil) {
					return
				}
			}
		}
		yield(messagestore.Message{}, c.streamError(ctx, w, stream, request, err))
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
		w := newWatchdog(ctx)
		defer w.stop()
		stream, err := c.service.Subscribe(w.ctx, request)
		for err == nil {
			w.timer.Reset(w.limit)
			response, receiveErr := stream.Recv()
			w.timer.Stop() // the time to handle an event is not the server's silence
			if err = receiveErr; err != nil {
				break
			}
			event := fromEvent(response)
			if started, ok := event.(messagestore.Started); ok && started.HeartbeatInterval > 0 {
				w.limit = 2 * started.HeartbeatInterval
			}
			if event != nil && !yield(event, nil) {
				return
			}
		}
		yield(nil, c.streamError(ctx, w, stream, request, err))
	}
}

// A watchdog cancels the context of a stream if nothing has been received for
// limit while its timer runs.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

// newWatchdog returns a watchdog whose timer runs.
func newWatchdog(ctx context.Context) *watchdog {
	ctx, cancel := context.WithCancelCause(ctx)
	return &watchdog{ctx, cancel, time.AfterFunc(callTimeout, func() { cancel(errSilent) }), callTimeout}
}

// stop stops the watchdog and cancels the stream.
func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// streamError translates the error of a stream for the caller, whose context is
// ctx. It excludes the server if that was silent. stream is nil if there is none.
func (c *Client) streamError(ctx context.Context, w *watchdog, stream grpc.ClientStream, request proto.Message, err error) error {
	switch {
	case errors.Is(context.Cause(w.ctx), errSilent):
		if stream != nil {
			if server, ok := peer.FromContext(stream.Context()); ok {
				c.servers.exclude(server.Addr, time.Now().Add(-w.limit))
			}
		}
		return errSilent
	case errors.Is(err, io.EOF):
		return &messagestore.UnavailableError{Reason: "the server ended the stream"}
	}
	return callError(ctx, request, err)
}
