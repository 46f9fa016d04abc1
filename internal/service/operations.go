package service

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Offsets of the ports from VT_PORT.
const (
	RESTPort            = 0
	ApplicationPort     = 1
	MVCPort             = 5
	MessageStorePort    = 10
	MessageStoreOpsPort = 11
	ComponentsOpsPort   = 12
	AggregatorsOpsPort  = 13
)

const (
	// drain bounds how long requests may take to end after the context has.
	drain = 10 * time.Second
	// readyPatience bounds the answer to /readyz, which supervisors poll.
	readyPatience = 2 * time.Second
	// headerPatience bounds how long a client may take to say what it wants.
	headerPatience = 10 * time.Second
)

// Addr returns the address of the port with that offset, as 127.0.0.1:8090.
func Addr(port, offset int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+offset))
}

// Operations serves what operators ask: /metrics of the registry, /healthz (200
// while the process answers at all), and /readyz, which is 503 with the reason
// while ready returns an error.
func Operations(registry *prometheus.Registry, ready func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyPatience)
		defer cancel()
		if err := ready(ctx); err != nil {
			answer(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	return mux
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	// An error is the client's, who has gone.
	_, _ = io.WriteString(w, text+"\n")
}

// ListenAndServe serves until the context ends. Then it takes no more requests,
// lets those under way end, cuts them off after 10 s, and returns nil.
func ListenAndServe(ctx context.Context, addr string, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return Serve(ctx, listener, handler)
}

// Serve is ListenAndServe on a listener, which it closes.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerPatience}
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(listener)
	if !stop() {
		<-drained
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
