package application

import (
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// takePatience is how long a client may take for chunkSize bytes of an answer.
	// A player that is paused takes none; it comes back with a range.
	takePatience = 60 * time.Second
	chunkSize    = 256 << 10
)

// An answer is the answer to a direct call, as long as its client takes it: it is
// counted, and cut off where no bytes flow. The server's own timeout, of an
// answer as a whole, does not hold for it.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
}

// WriteHeader sends the header.
func (a *answer) WriteHeader(code int) {
	a.move()
	a.status = code
	a.ResponseWriter.WriteHeader(code)
}

// Write sends some of the body.
func (a *answer) Write(p []byte) (int, error) {
	a.move()
	n, err := a.ResponseWriter.Write(p)
	a.count(int64(n))
	return n, err
}

// ReadFrom sends what the reader has. What is a file the system copies itself.
func (a *answer) ReadFrom(r io.Reader) (sent int64, err error) {
	left := &io.LimitedReader{R: r, N: 1<<63 - 1}
	if limited, ok := r.(*io.LimitedReader); ok {
		left = limited // two of them around a file would hide it
	}
	for total := left.N; total > 0; {
		a.move()
		chunk := &io.LimitedReader{R: left.R, N: min(chunkSize, total)}
		want := chunk.N
		n, err := io.Copy(a.ResponseWriter, chunk)
		a.count(n)
		sent, total = sent+n, total-n
		left.N -= n
		if err != nil || n < want {
			return sent, err
		}
	}
	return sent, nil
}

// move gives the client time anew. Where it cannot, as in a test's recorder,
// there is none to wait for.
func (a *answer) move() { _ = a.control.SetWriteDeadline(time.Now().Add(takePatience)) }

func (a *answer) count(n int64) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.bytes += n
}

// A fileAnswer is an answer that http.ServeContent gives. Its refusals become
// errors as all others.
type fileAnswer struct {
	*answer
	refused bool
}

// WriteHeader sends the header, or the error.
func (a *fileAnswer) WriteHeader(code int) {
	var s *status.Status
	switch {
	case code < http.StatusBadRequest:
		a.answer.WriteHeader(code)
		return
	case code == http.StatusRequestedRangeNotSatisfiable:
		s = status.New(codes.OutOfRange, "there is nothing in that range")
	case code == http.StatusPreconditionFailed:
		s = status.New(codes.FailedPrecondition, "it is not the one that was asked for")
	default:
		s = status.New(codes.Internal, "internal error")
	}
	a.refused = true
	a.Header().Del("Cache-Control")
	writeError(a.answer, code, s)
}

// Write sends some of the body, which an error has already.
func (a *fileAnswer) Write(p []byte) (int, error) {
	if a.refused {
		return len(p), nil
	}
	return a.answer.Write(p)
}
