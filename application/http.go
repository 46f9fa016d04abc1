package application

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/internal/interceptor"
)

// maxBody bounds the body of a request that is no file.
const maxBody = 1 << 20

// A page is a path that is not in the gateway.
type page struct {
	// template is its path, as /media/{video_id}.
	template string
	verbs    []string
	// body bounds the body of a request, in bytes. Defaults to maxBody.
	body  int64
	serve http.HandlerFunc
}

// matches reports whether the path is the page's, and sets the request's path
// values.
func (p page) matches(r *http.Request) bool {
	if strings.Count(p.template, "/") != strings.Count(r.URL.Path, "/") {
		return false
	}
	want, got := strings.Split(p.template, "/"), strings.Split(r.URL.Path, "/")
	for i, segment := range want {
		name, ok := strings.CutPrefix(segment, "{")
		if !ok && segment != got[i] || ok && got[i] == "" {
			return false
		}
		if ok {
			r.SetPathValue(strings.TrimSuffix(name, "}"), got[i])
		}
	}
	return true
}

// pages returns the paths that are not in the gateway.
func (a *Application) pages(d *direct, document []byte, operations http.Handler) []page {
	read := []string{http.MethodGet, http.MethodHead}
	asked := func(path string) page { return page{template: path, verbs: read, serve: operations.ServeHTTP} }
	up := uploads{a.config.uploads, a.config.Media, newSlots(a.config.uploads.ofUser, a.config.uploads.ofAll)}
	down := published{a.config.Media, a.config.ViewData, a.config.Log}
	const upPath, videoPath, posterPath = "/v1/me/uploads", "/media/{video_id}", "/media/{video_id}/poster"
	return []page{
		{template: "/openapi.json", verbs: read, serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(document)
		}},
		asked("/metrics"), asked("/healthz"), asked("/readyz"),
		{template: upPath, verbs: []string{http.MethodPost}, body: up.limits.bytes, serve: d.handle(upPath, users, up.receive)},
		{template: videoPath, verbs: read, serve: d.handle(videoPath, anybody, down.video)},
		{template: posterPath, verbs: read, serve: d.handle(posterPath, anybody, down.poster)},
	}
}

// newHandler returns all that is on the REST port: the gateway's paths and the
// pages. Every answer it gives has a trace id.
func newHandler(rest http.Handler, pages []page) http.Handler {
	var origin http.CrossOriginProtection
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace := uuid.NewString()
		w.Header().Set(traceHeader, trace)
		// Not an http.ServeMux: it redirects, and refuses in plain text.
		p := page{body: maxBody, serve: rest.ServeHTTP}
		i := slices.IndexFunc(pages, func(p page) bool { return p.matches(r) })
		if i >= 0 {
			p = pages[i]
		}
		// In a copy: a server that does not find its own body in the request reads
		// some of it before it refuses, and asks a client to send it who had waited.
		r = r.WithContext(interceptor.WithTraceID(r.Context(), trace))
		if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w, r.Body, cmp.Or(p.body, maxBody))
		}
		switch {
		case (hasCookie(r) || r.URL.Path == logInPath) && origin.Check(r) != nil:
			writeError(w, http.StatusForbidden, status.New(codes.PermissionDenied, "another site may not use the cookie "+cookieName+", nor set it"))
		case i >= 0 && !slices.Contains(p.verbs, r.Method):
			writeNotAllowed(w, r, p.verbs...)
		default:
			p.serve(w, r)
		}
	})
}
