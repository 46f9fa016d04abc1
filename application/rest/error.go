package rest

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"videotutorials/application/call"
)

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
