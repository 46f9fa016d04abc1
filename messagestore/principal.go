package messagestore

import "context"

// A Principal is who calls: the SPIFFE ID of a certificate, such as
// `spiffe://videotutorials/application`.
type Principal string

// Anonymous is everybody where there is no TLS.
const Anonymous Principal = "anonymous"

type principalKey struct{}

// WithPrincipal returns a context in which p calls.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf returns who calls. Defaults to Anonymous.
func PrincipalOf(ctx context.Context) Principal {
	if p, ok := ctx.Value(principalKey{}).(Principal); ok {
		return p
	}
	return Anonymous
}
