package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc/status"

	"videotutorials/internal/interceptor"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// maxEach bounds the writes of a WriteEach, so that the answer is a call's size
	// also where each is refused with all that a status can say.
	maxEach = 500
	// maxEachMessages is the store's bound of a call.
	maxEachMessages = 1000
)

// A beginner is a Store that takes many writes at once. Of another one they are
// made one after the other.
type beginner interface {
	Begin(ctx context.Context, writes []messagestore.Write) (waits []func() (messagestore.Written, error))
}

// WriteEach gives all writes to the Store at once, as their own calls would.
func (s *service) WriteEach(ctx context.Context, r *messagestorev1.WriteEachRequest) (*messagestorev1.WriteEachResponse, error) {
	if err := checkEach(r); err != nil {
		return nil, err
	}
	ctx = interceptor.WithStart(ctx, time.Now())
	response := &messagestorev1.WriteEachResponse{Results: make([]*messagestorev1.WriteResult, len(r.Writes))}
	for i, wait := range s.begin(ctx, r.Writes) {
		response.Results[i] = s.outcome(ctx, wait)
	}
	return response, nil
}

// begin begins all writes, and returns how each is waited for.
func (s *service) begin(ctx context.Context, requests []*messagestorev1.WriteRequest) []func() (messagestore.Written, error) {
	var writes []messagestore.Write
	var places []int // of those, among all
	waits := make([]func() (messagestore.Written, error), len(requests))
	for i, r := range requests {
		w, err := fromWrite(r, "")
		if err != nil {
			waits[i] = func() (messagestore.Written, error) { return messagestore.Written{}, err }
			continue
		}
		writes, places = append(writes, w), append(places, i)
	}
	if together, ok := s.store.(beginner); ok {
		for i, wait := range together.Begin(ctx, writes) {
			waits[places[i]] = wait
		}
		return waits
	}
	for i, w := range writes {
		waits[places[i]] = func() (messagestore.Written, error) { return s.store.Write(ctx, w.Stream, w.Expected, w.Messages...) }
	}
	return waits
}

func checkEach(r *messagestorev1.WriteEachRequest) error {
	if n := len(r.Writes); n == 0 || n > maxEach {
		return invalid("writes", "%d writes, 1 to %d are allowed", n, maxEach)
	}
	messages := 0
	for _, w := range r.Writes {
		messages += len(w.GetMessages())
	}
	if messages > maxEachMessages {
		return invalid("writes", "%d messages in a call, at most %d are allowed", messages, maxEachMessages)
	}
	return checkSize(r, "writes")
}

// outcome is the end of a call of Write in all that is seen of it: its line in the
// log, the metrics, its error.
func (s *service) outcome(ctx context.Context, wait func() (messagestore.Written, error)) *messagestorev1.WriteResult {
	var written messagestore.Written
	method := interceptor.Method{Name: messagestorev1.MessageStoreService_Write_FullMethodName, Kind: "unary"}
	err := s.each.Around(ctx, method, func(context.Context) (err error) {
		written, err = wait()
		return err
	})
	if err != nil {
		return &messagestorev1.WriteResult{Result: &messagestorev1.WriteResult_Error{Error: status.Convert(err).Proto()}}
	}
	return &messagestorev1.WriteResult{Result: &messagestorev1.WriteResult_Written{Written: toWritten(written)}}
}
