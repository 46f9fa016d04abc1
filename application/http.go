package application

import (
	"net/http"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// newHandler returns all that is on the REST port: the gateway's paths, the
// document, and the operations. Every answer it gives has a trace id.
func newHandler(rest http.Handler, document []byte, operations http.Handler) http.Handler {
	pages := map[string]http.Handler{
		"/openapi.json": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(document)
		}),
		"/metrics": operations,
		"/healthz": operations,
		"/readyz":  operations,
	}
	var origin http.CrossOriginProtection
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(traceHeader, uuid.NewString())
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		// Not an http.ServeMux: it redirects, and refuses in plain text.
		page, ok := pages[r.URL.Path]
		switch {
		case hasCookie(r) && origin.Check(r) != nil:
			writeError(w, http.StatusForbidden, status.New(codes.PermissionDenied, "another site may not use the cookie "+cookieName))
		case !ok:
			rest.ServeHTTP(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			writeNotAllowed(w, r, http.MethodGet, http.MethodHead)
		default:
			page.ServeHTTP(w, r)
		}
	})
}
