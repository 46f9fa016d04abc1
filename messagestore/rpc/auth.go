package rpc

import (
	"context"
	"fmt"
	"log/slog"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"videotutorials/internal/interceptor"
	"videotutorials/messagestore"
)

// An authInterceptor puts the caller's principal into the context of a call, and
// translates the Store's error into a status. A health check needs no principal:
// clients check first, and would take a bad credential for a server that does not
// serve.
type authInterceptor struct{ tls bool }

func (a authInterceptor) intercept(ctx context.Context, m interceptor.Method, next func(context.Context) error) error {
	if isHealth(m.Name) {
		return toStatus(next(ctx))
	}
	principal, err := a.principal(ctx)
	if err != nil {
		return toStatus(err)
	}
	interceptor.Annotate(ctx, slog.String("principal", string(principal)))
	err = next(messagestore.WithPrincipal(ctx, principal))
	if gaveUp(ctx, err) { // a context of the Store ended, so the caller may repeat the call
		err = &messagestore.UnavailableError{Reason: "the server gave up the call", Cause: err}
	}
	return toStatus(err)
}

// principal returns the caller's principal. An error is an ErrUnauthenticated; its
// text, for the log, has the fault of the certificate.
func (a authInterceptor) principal(ctx context.Context) (messagestore.Principal, error) {
	if !a.tls {
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
