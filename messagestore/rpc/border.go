package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"videotutorials/internal/interceptor"
	"videotutorials/messagestore"
)

// A border surrounds every call: who calls comes in as a principal, and a
// Store's error goes out as a status. Health checks need no principal: a client
// asks them first, and would take a bad credential for a server that is ill.
type border struct{ tls bool }

func (b border) around(ctx context.Context, m interceptor.Method, next func(context.Context) error) error {
	if isHealth(m.Name) {
		return toStatus(next(ctx))
	}
	principal, err := b.principal(ctx)
	if err != nil {
		return toStatus(err)
	}
	interceptor.Annotate(ctx, slog.String("principal", string(principal)))
	return toStatus(callers(ctx, next(messagestore.WithPrincipal(ctx, principal))))
}

// principal returns who calls. Its error says, for the log, what is wrong with
// the certificate.
func (b border) principal(ctx context.Context) (messagestore.Principal, error) {
	if !b.tls {
		return messagestore.Anonymous, nil
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", fmt.Errorf("%w: no peer", messagestore.ErrUnauthenticated)
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	switch {
	case !ok:
		return "", fmt.Errorf("%w: not over TLS", messagestore.ErrUnauthenticated)
	case len(info.State.VerifiedChains) == 0:
		return "", fmt.Errorf("%w: the client certificate is not verified", messagestore.ErrUnauthenticated)
	case info.SPIFFEID == nil:
		leaf := info.State.PeerCertificates[0]
		return "", fmt.Errorf("%w: the certificate of %q has the URIs %v, not one SPIFFE ID",
			messagestore.ErrUnauthenticated, leaf.Subject.CommonName, leaf.URIs)
	}
	return messagestore.Principal(info.SPIFFEID.String()), nil
}

// callers returns err, unless it is a context's that is not the caller's: what
// ends inside of the server is for the caller a server that is away, and no
// reason to give up.
func callers(ctx context.Context, err error) error {
	_, bounded := ctx.Deadline()
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() == nil,
		errors.Is(err, context.DeadlineExceeded) && !bounded:
		return &messagestore.UnavailableError{Reason: "the server gave the call up", Cause: err}
	}
	return err
}
