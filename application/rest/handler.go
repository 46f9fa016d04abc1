package rest

import (
	"cmp"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"videotutorials/application/call"
	"videotutorials/application/session"
	"videotutorials/internal/interceptor"
)

// MaxBody bounds the body of a request, in bytes, files excepted.
const MaxBody = 1 << 20

// An Endpoint is a path on the REST port that is not a method of a service.
type Endpoint struct {
	Template call.Template
	Verbs    []string
	// MaxBody bounds the body of a request, in bytes. Defaults to MaxBody.
	MaxBody int64
	// Serve finds the variables of the path with http.Request.PathValue.
	Serve http.HandlerFunc
}

// NewHandler returns the handler of the REST port: the endpoints, and the gateway for
// all other paths. Each answer has a trace id.
func NewHandler(gateway http.Handler, endpoints []Endpoint) http.Handler {
	paths := make([]*regexp.Regexp, len(endpoints))
	for i, e := range endpoints {
		paths[i] = e.Template.Regexp()
	}
	var origin http.CrossOriginProtection
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace := uuid.NewString()
		w.Header().Set(call.TraceHeader, trace)
		// http.ServeMux is not used: it redirects unclean paths, and its errors are
		// plain text.
		e := Endpoint{Serve: gateway.ServeHTTP}
		i := slices.IndexFunc(paths, func(path *regexp.Regexp) bool { return match(path, r) })
		if i >= 0 {
			e = endpoints[i]
		}
		// The body is replaced in a copy of the request. If the server's own request had
		// another body, the server would read a part of the body of a rejected request,
		// and so send 100 Continue to a client that waits for it.
		r = r.WithContext(interceptor.WithTraceID(r.Context(), trace))
		if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w, r.Body, cmp.Or(e.MaxBody, MaxBody))
		}
		switch {
		case (session.HasCookie(r) || r.URL.Path == session.LogInPath) && origin.Check(r) != nil:
			WriteError(w, http.StatusForbidden, status.New(codes.PermissionDenied,
				"another site may not use the cookie "+call.CookieName+", nor set it"))
		case i >= 0 && !slices.Contains(e.Verbs, r.Method):
			writeNotAllowed(w, r, e.Verbs...)
		default:
			e.Serve(w, r)
		}
	})
}

// match reports whether the request is to one of the paths, and sets its path
// values.
func match(path *regexp.Regexp, r *http.Request) bool {
	values := path.FindStringSubmatch(r.URL.Path)
	if values == nil {
		return false
	}
	for i, name := range path.SubexpNames()[1:] {
		r.SetPathValue(name, values[i+1])
	}
	return true
}

// WriteError answers with the HTTP status and a google.rpc.Status as JSON.
func WriteError(w http.ResponseWriter, code int, s *status.Status) {
	for _, detail := range s.Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			// Whole seconds, rounded up, so that no client repeats too early.
			seconds := math.Ceil(retry.GetRetryDelay().AsDuration().Seconds())
			w.Header().Set("Retry-After", strconv.Itoa(max(1, int(seconds))))
		}
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	body, err := protojson.Marshal(s.Proto())
	if err != nil { // a detail of a type that is not linked in
		body = []byte(`{"code":13,"message":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // fails only if the client is gone
}

func writeNotAllowed(w http.ResponseWriter, r *http.Request, allowed ...string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	WriteError(w, http.StatusMethodNotAllowed, status.Newf(codes.Unimplemented, "%s has no %s, only %s",
		call.Quote(r.URL.Path), call.Quote(r.Method), strings.Join(allowed, ", ")))
}
