package rpc

import (
	"context"
	"sync"

	"google.golang.org/grpc/status"

	"videotutorials/internal/interceptor"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// maxEach bounds the writes of a WriteEach, so that the answer is a call's size
	// also where each is refused with all that a status can say.
	maxEach = 500
	// maxEachMessages is the store's bound of a call.
	maxEachMessages = 1000
)

// WriteEach gives all writes to the Store at once, as their own calls would.
func (s *service) WriteEach(ctx context.Context, r *messagestorev1.WriteEachRequest) (*messagestorev1.WriteEachResponse, error) {
	if err := checkEach(r); err != nil {
		return nil, err
	}
	response := &messagestorev1.WriteEachResponse{Results: make([]*messagestorev1.WriteResult, len(r.Writes))}
	var writes sync.WaitGroup
	writes.Add(len(r.Writes))
	for i, w := range r.Writes {
		s.crew.run(func() {
			defer writes.Done()
			response.Results[i] = s.writeOne(ctx, w)
		})
	}
	writes.Wait()
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

// writeOne is a call of Write in all that is seen of it: its line in the log, the
// metrics, its error. What panics in it is its own, too.
func (s *service) writeOne(ctx context.Context, w *messagestorev1.WriteRequest) *messagestorev1.WriteResult {
	var written *messagestorev1.WriteResponse
	method := interceptor.Method{Name: messagestorev1.MessageStoreService_Write_FullMethodName, Kind: "unary"}
	err := s.each.Around(ctx, method, func(ctx context.Context) (err error) {
		written, err = s.Write(ctx, w)
		return err
	})
	if err != nil {
		return &messagestorev1.WriteResult{Result: &messagestorev1.WriteResult_Error{Error: status.Convert(err).Proto()}}
	}
	return &messagestorev1.WriteResult{Result: &messagestorev1.WriteResult_Written{Written: written}}
}
