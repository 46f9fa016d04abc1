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
	// maxEach bounds the writes of a WriteEach: if each one is rejected with the
	// largest status, the response still fits into a call.
	maxEach = 500
	// maxEachMessages is the Store's bound of one call.
	maxEachMessages = 1000
)

// A concurrentWriter is a Store that starts many writes at once. For another Store
// the writes of a WriteEach are made one after the other.
type concurrentWriter interface {
	Begin(ctx context.Context, writes []messagestore.Write) (waits []func() (messagestore.Written, error))
}

// WriteEach makes all writes at the same time, each as by a call of Write.
func (s *service) WriteEach(ctx context.Context, r *messagestorev1.WriteEachRequest) (*messagestorev1.WriteEachResponse, error) {
	if err := checkEach(r); err != nil {
		return nil, err
	}
	method := interceptor.Method{Name: messagestorev1.MessageStoreService_Write_FullMethodName, Kind: "unary", Start: time.Now()}
	response := &messagestorev1.WriteEachResponse{}
	for _, wait := range s.begin(ctx, r.Writes) {
		response.Results = append(response.Results, s.result(ctx, method, wait))
	}
	return response, nil
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

// begin starts all writes, and returns for each the function that waits for it.
func (s *service) begin(ctx context.Context, requests []*messagestorev1.WriteRequest) []func() (messagestore.Written, error) {
	var writes []messagestore.Write
	var indexes []int // in requests
	waits := make([]func() (messagestore.Written, error), len(requests))
	for i, r := range requests {
		w, err := fromWrite(r, "")
		if err != nil {
			waits[i] = func() (messagestore.Written, error) { return messagestore.Written{}, err }
			continue
		}
		writes, indexes = append(writes, w), append(indexes, i)
	}
	if store, ok := s.store.(concurrentWriter); ok {
		for i, wait := range store.Begin(ctx, writes) {
			waits[indexes[i]] = wait
		}
		return waits
	}
	for i, w := range writes {
		waits[indexes[i]] = func() (messagestore.Written, error) { return s.store.Write(ctx, w.Stream, w.Expected, w.Messages...) }
	}
	return waits
}

// result waits for a write inside the interceptors, so that its log line, its
// metrics and its status are those of a call of Write.
func (s *service) result(ctx context.Context, method interceptor.Method, wait func() (messagestore.Written, error)) *messagestorev1.WriteResult {
	var written messagestore.Written
	err := s.each.Intercept(ctx, method, func(context.Context) (err error) {
		written, err = wait()
		return err
	})
	if err != nil {
		return &messagestorev1.WriteResult{Result: &messagestorev1.WriteResult_Error{Error: status.Convert(err).Proto()}}
	}
	return &messagestorev1.WriteResult{Result: &messagestorev1.WriteResult_Written{Written: toWritten(written)}}
}
