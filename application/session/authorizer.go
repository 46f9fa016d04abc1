package session

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/application/call"
	"videotutorials/internal/interceptor"
	"videotutorials/viewdata"
)

// An Authorizer identifies the caller and decides whether to admit the call.
type Authorizer struct {
	Tokens   Tokens
	ViewData *pgxpool.Pool
}

// NewRequest returns the request of a call to a path in REST. It refuses nothing;
// Check does.
func (a Authorizer) NewRequest(ctx context.Context, verb string, path func() string, need call.Access, md call.Metadata) *call.Request {
	if need == call.Anyone {
		return call.NewRequest(ctx, verb, path, nil, md)
	}
	s, ok := a.session(md)
	r := call.NewRequest(ctx, verb, path, s, md)
	r.BadCredential = !ok
	return r
}

// session returns the session of the call's credential, nil if there is none, and
// whether the credential is valid or absent.
func (a Authorizer) session(md call.Metadata) (*call.Session, bool) {
	var token string
	headers, cookies := md("authorization"), md(call.CookieName)
	switch {
	case len(headers) == 1:
		scheme, rest, _ := strings.Cut(headers[0], " ")
		if !strings.EqualFold(scheme, "bearer") {
			return nil, false
		}
		token = strings.TrimSpace(rest)
	case len(headers) == 0 && len(cookies) == 1:
		token = cookies[0]
	case len(headers) == 0 && len(cookies) == 0:
		return nil, true
	default:
		return nil, false // ambiguous
	}
	s, ok := a.Tokens.Verify(token, time.Now())
	if !ok {
		return nil, false
	}
	return &s, true
}

// Check returns nil if the access admits the caller of the request, else
// call.ErrNoSession, call.ErrSessionOver or call.ErrNotAdmin.
func (a Authorizer) Check(ctx context.Context, r *call.Request, need call.Access) error {
	switch {
	case need == call.Anyone:
		return nil
	case r.BadCredential:
		return call.ErrSessionOver
	case r.Session == nil && need >= call.Users:
		return call.ErrNoSession
	case r.Session == nil:
		return nil
	}
	user := r.Session.User.String()
	interceptor.Annotate(ctx, slog.String("userId", user))
	ended, err := viewdata.ReadSessionEnded(ctx, a.ViewData, r.Session.ID.String())
	if err != nil {
		return err
	}
	if ended {
		return call.ErrSessionOver
	}
	if need < call.Admins {
		return nil
	}
	// Read at each call, so that a granted role takes effect at once.
	credential, err := viewdata.ReadUserCredentials(ctx, a.ViewData, user)
	switch {
	case errors.Is(err, viewdata.ErrNotFound): // or View Data is being rebuilt
		return call.ErrNotAdmin
	case err != nil:
		return err
	case !credential.Admin:
		return call.ErrNotAdmin
	}
	return nil
}
