package application

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc/status"

	"videotutorials/internal/interceptor"
)

// direct is what surrounds the calls of REST that are no gRPC calls, since their
// bodies are files and are streamed. They go through the same door as all
// others, have trace ids and keys as they have, and errors, a line in the log and
// metrics alike.
type direct struct {
	door    door
	cookies cookies
	log     *slog.Logger

	handled *prometheus.CounterVec
	active  *prometheus.GaugeVec
	bytes   *prometheus.CounterVec
	// running is held, for reading, by every call.
	running sync.RWMutex
}

func newDirect(d door, c cookies, log *slog.Logger, registry *prometheus.Registry) *direct {
	factory := promauto.With(registry)
	return &direct{
		door: d, cookies: c, log: log,
		handled: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_handled_total", Help: "Calls of files ended, by code.",
		}, []string{"path", "code"}),
		active: factory.NewGaugeVec(prometheus.GaugeOpts{
			Name: "http_server_active", Help: "Calls of files under way.",
		}, []string{"path"}),
		bytes: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_bytes_total", Help: "Bytes of files, in and out.",
		}, []string{"path", "direction"}),
	}
}

// A transfer does a direct call. It returns an error instead of an answer, not
// after one. The request's context has the request.
type transfer func(w *answer, r *http.Request) error

// handle returns the handler of a path: the transfer and what surrounds it.
func (d *direct) handle(template string, need access, do transfer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.running.RLock()
		defer d.running.RUnlock()
		d.active.WithLabelValues(template).Inc()
		defer d.active.WithLabelValues(template).Dec()
		start := time.Now()
		req := d.request(r, need)
		w.Header().Set(traceHeader, req.traceID)
		ctx := context.WithValue(interceptor.WithTraceID(r.Context(), req.traceID), requestKey{}, req)
		body := &counted{ReadCloser: r.Body}
		r = r.WithContext(ctx)
		r.Body = body
		a := &answer{ResponseWriter: w, control: http.NewResponseController(w)}

		err := translate(req, recovered(func() error {
			if err := bounded(ctx, func(ctx context.Context) error { return d.door.check(ctx, req, need) }); err != nil {
				return err
			}
			return do(a, r)
		}))
		if err != nil {
			d.refuse(a, r, err)
		}
		d.bytes.WithLabelValues(template, "in").Add(float64(body.n))
		d.bytes.WithLabelValues(template, "out").Add(float64(a.bytes))
		d.handled.WithLabelValues(template, status.Code(err).String()).Inc()
		d.line(ctx, template, r.Method, req, err, slog.Int("status", a.status),
			slog.Int64("bytesIn", body.n), slog.Int64("bytesOut", a.bytes), slog.Duration("duration", time.Since(start)))
	}
}

// recovered returns a panic as an error.
func recovered(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// request returns the request of a direct call.
func (d *direct) request(r *http.Request, need access) *request {
	md := forward(r.Context(), r)
	path := r.URL.Path
	for segment := range strings.SplitSeq(path, "/") {
		if id, ok := parseUUID(segment); ok {
			path = strings.ReplaceAll(path, segment, id.String())
		}
	}
	return d.door.requestTo(r.Context(), r.Method, func() string { return path }, need, md.Get)
}

// bounded does what is not the transfer itself, within the time of all other
// calls.
func bounded(ctx context.Context, do func(context.Context) error) error {
	_, err := guard(ctx, nil, nil, func(ctx context.Context, _ any) (any, error) { return nil, do(ctx) })
	return err
}

// refuse answers with the error, unless there is an answer already.
func (d *direct) refuse(a *answer, r *http.Request, err error) {
	if a.status != 0 {
		return
	}
	s := status.Convert(err)
	code := runtime.HTTPStatusFromCode(s.Code())
	var own *httpError
	if errors.As(err, &own) {
		code = own.code
	}
	if code == http.StatusUnauthorized {
		d.cookies.drop(a, r)
	}
	writeError(a, code, s)
}

// line writes the call's line in the log, at the level that it would have as a
// gRPC call.
func (d *direct) line(ctx context.Context, template, verb string, req *request, err error, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("method", verb+" "+template), slog.String("code", status.Code(err).String()),
		slog.String("traceId", req.traceID))
	if req.userID != nil {
		attrs = append(attrs, slog.String("userId", *req.userID))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	d.log.LogAttrs(ctx, interceptor.Level(status.Code(err)), "call", attrs...)
}

// drain waits until no call runs. The server MUST have been shut down.
func (d *direct) drain() {
	d.running.Lock()
	d.running.Unlock() //nolint:staticcheck // to have it once is to have waited for all
}

// An httpError is an error whose HTTP status is not the one that its code has.
type httpError struct {
	code int
	err  error
}

func (e *httpError) Error() string { return e.err.Error() }
func (e *httpError) Unwrap() error { return e.err }

// uuidOf returns the UUID in the path.
func uuidOf(r *http.Request, name, field string) (uuid.UUID, error) {
	id, ok := parseUUID(r.PathValue(name))
	if !ok {
		return uuid.Nil, invalid(field, notUUID(r.PathValue(name)))
	}
	return id, nil
}
