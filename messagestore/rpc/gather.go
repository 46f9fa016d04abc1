package rpc

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/tracing"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// underWay is how many calls there are before writes gather: while the store
	// commits what one has brought, the others are on their way. With fewer, a
	// handful of callers would wait for each other. There are more while some get
	// no answer.
	underWay = 4
	// handful is how many writes under way are few. From then on a call has to
	// bring as many as are under way: so two take turns, where four would bring
	// half as much each.
	handful = 8
	// gatherFor bounds how long a write waits for a call to return: the server of
	// those that are under way may be silent, and another one well.
	gatherFor = 50 * time.Millisecond

	// The bounds of what goes in a call, within those of the server.
	maxGathered         = 256
	maxGatheredBytes    = 1 << 20
	maxGatheredMessages = maxEachMessages
	// A write that is larger than these gains nothing by company.
	maxOneBytes    = maxGatheredBytes / 16
	maxOneMessages = maxGatheredMessages / 16
)

// A gathering lets the writes that are made while others are under way wait until
// some of those return, and then go in one call: so calls are few where writes
// are many, and a write that is alone waits for nothing.
type gathering struct {
	send     func([]*passenger)
	patience time.Duration

	mu      sync.Mutex
	calls   int // under way
	aboard  int // the writes of those
	waiting []*passenger
	// messages and bytes are those that wait.
	messages, bytes int
	// overdue fires when the first that waits has done so for long enough, and
	// flushed is when it did last.
	overdue *time.Timer
	flushed time.Time
}

// A passenger is a write that goes with others.
type passenger struct {
	ctx     context.Context // the caller's: it only says whether somebody still waits
	request *messagestorev1.WriteRequest
	bytes   int
	done    chan arrival // holds one
}

// An arrival is the result of a passenger's write, or why its call has none.
type arrival struct {
	result *messagestorev1.WriteResult
	err    error
	// unknown: a server that did not answer may yet do it.
	unknown bool
}

func newGathering(send func([]*passenger)) *gathering {
	g := &gathering{send: send, patience: gatherFor}
	g.overdue = time.AfterFunc(time.Hour, g.flush)
	g.overdue.Stop()
	return g
}

// join reports whether the write may go at once, as a call of its own, after
// which leave(1) MUST be called. Otherwise it goes with others.
func (g *gathering) join(w *passenger) (alone bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 && g.mayGo(1) {
		g.calls++
		g.aboard++
		return true
	}
	messages := len(w.request.Messages)
	if len(g.waiting) == maxGathered || g.bytes+w.bytes > maxGatheredBytes || g.messages+messages > maxGatheredMessages {
		g.depart()
	}
	g.waiting = append(g.waiting, w)
	g.bytes += w.bytes
	g.messages += messages
	switch {
	case g.mayGo(len(g.waiting)):
		g.depart()
	case len(g.waiting) == 1:
		g.overdue.Reset(g.patience)
	}
	return false
}

// mayGo reports whether so many writes may go as a call of their own.
func (g *gathering) mayGo(writes int) bool {
	return g.calls < underWay && (g.aboard < handful || writes >= g.aboard || g.silent())
}

// silent reports whether a call has had no answer lately: nobody is to wait for it.
func (g *gathering) silent() bool { return time.Since(g.flushed) <= attemptWithin }

// leave says that a call of so many writes has returned. What waits takes its
// place where it may go, and where one that is silent keeps another's.
func (g *gathering) leave(writes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls--
	g.aboard -= writes
	if len(g.waiting) > 0 && (g.mayGo(len(g.waiting)) || g.silent()) {
		g.depart()
	}
}

// flush lets go what waits, although no call has returned.
func (g *gathering) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) > 0 {
		g.flushed = time.Now()
		g.depart()
	}
}

// depart lets go what waits, with mu held.
func (g *gathering) depart() {
	together := g.waiting
	g.waiting, g.messages, g.bytes = nil, 0, 0
	g.calls++
	g.aboard += len(together)
	g.overdue.Stop()
	go func() {
		defer g.leave(len(together))
		g.send(together)
	}()
}

// write makes a call of Write, or takes part in one of WriteEach.
func (c *Client) write(ctx context.Context, request *messagestorev1.WriteRequest) (*messagestorev1.WriteResponse, error) {
	w := &passenger{ctx: ctx, request: request, bytes: proto.Size(request), done: make(chan arrival, 1)}
	if !mayGather(w) {
		return call(ctx, c, c.service.Write, request)
	}
	if c.gathering.join(w) {
		defer c.gathering.leave(1)
		return call(ctx, c, c.service.Write, request)
	}
	bounded, cancel := within(ctx)
	defer cancel()
	response, err := c.arrive(bounded, w)
	return response, failure(ctx, request, err)
}

// mayGather reports whether the write may go with others. One that is traced goes
// alone, so that its trace has its call; and so does one whose caller has less
// time than it takes to try several servers.
func mayGather(w *passenger) bool {
	deadline, ok := w.ctx.Deadline()
	return w.bytes <= maxOneBytes && len(w.request.Messages) <= maxOneMessages && !tracing.Sampled(w.ctx) &&
		(!ok || time.Until(deadline) > attempts*attemptWithin) && w.ctx.Err() == nil
}

// arrive waits for the passenger's answer, and repeats the write alone where that
// is what a call of its own would do, or would not have needed. The error is a
// status.
func (c *Client) arrive(ctx context.Context, w *passenger) (*messagestorev1.WriteResponse, error) {
	var a arrival
	select {
	case a = <-w.done:
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	written, refused := a.result.GetWritten(), a.result.GetError()
	switch {
	case a.err != nil:
		switch status.Code(a.err) {
		case codes.DeadlineExceeded: // not the caller's
			return c.writeAlone(ctx, w, true)
		case codes.Internal, codes.Unimplemented: // by others that cannot be encoded; by an older server
			return c.writeAlone(ctx, w, a.unknown)
		}
		return nil, a.err
	case written != nil:
		return written, nil
	case codes.Code(refused.GetCode()) == codes.Unavailable: //nolint:gosec // a code
		return c.writeAlone(ctx, w, true) // gRPC repeats only calls
	case codes.Code(refused.GetCode()) == codes.OK: //nolint:gosec // a code
		return nil, status.Error(codes.Internal, "no result")
	}
	return nil, known(status.ErrorProto(refused), a.unknown)
}

// writeAlone repeats the write; unknown says that it may yet be done.
func (c *Client) writeAlone(ctx context.Context, w *passenger, unknown bool) (*messagestorev1.WriteResponse, error) {
	response, _, err := tryOn(ctx, c, c.service.Write, w.request, unknown)
	return response, err
}

// writeEach makes one call for all whose callers still wait, under nobody's
// context: who gives up takes nobody with him.
func (c *Client) writeEach(together []*passenger) {
	together = slices.DeleteFunc(together, func(w *passenger) bool { return w.ctx.Err() != nil })
	if len(together) == 0 {
		return
	}
	request := &messagestorev1.WriteEachRequest{Writes: make([]*messagestorev1.WriteRequest, len(together))}
	for i, w := range together {
		request.Writes[i] = w.request
	}
	ctx, cancel := context.WithTimeout(c.open, answerWithin)
	defer cancel()
	response, unknown, err := tryOn(ctx, c, c.service.WriteEach, request, false)
	for i, w := range together {
		a := arrival{err: err, unknown: unknown}
		if results := response.GetResults(); err == nil && i < len(results) {
			a.result = results[i]
		}
		w.done <- a
	}
}
