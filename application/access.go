package application

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"videotutorials/internal/interceptor"
	"videotutorials/internal/tracing"
	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

// access is who may call a method.
type access int

const (
	// anybody may; a session is not looked at. One must be able to log in with a
	// session that is over.
	anybody access = iota
	// guests may, and users; a session that is over is refused, so that nobody
	// acts as a guest without knowing it.
	guests
	// users may.
	users
	// admins may.
	admins
)

// accessOf returns who may call a method, by its gRPC name. What the table has
// forgotten is for admins.
func accessOf(method string) access {
	switch method {
	case applicationv1.UsersService_RegisterUser_FullMethodName,
		applicationv1.UsersService_GetRegistration_FullMethodName,
		applicationv1.UsersService_ConfirmRegistration_FullMethodName,
		applicationv1.SessionsService_LogIn_FullMethodName:
		return anybody
	case applicationv1.HomeService_GetHome_FullMethodName,
		applicationv1.ViewingsService_RecordViewing_FullMethodName:
		return guests
	case applicationv1.SessionsService_LogOut_FullMethodName,
		applicationv1.CreatorsService_PublishVideo_FullMethodName,
		applicationv1.CreatorsService_ListVideos_FullMethodName,
		applicationv1.CreatorsService_GetVideo_FullMethodName,
		applicationv1.CreatorsService_NameVideo_FullMethodName,
		applicationv1.CreatorsService_DescribeVideo_FullMethodName,
		applicationv1.OperationsService_GetOperation_FullMethodName:
		return users
	}
	if !strings.HasPrefix(method, "/application.v1.") {
		return anybody // gRPC's health
	}
	return admins
}

var (
	// errNoSession is returned where a session is needed and none was given.
	errNoSession = errors.New("no session: log in at /v1/sessions, and send the token as a bearer token or in the cookie " + cookieName)
	// errSessionOver is returned for a token that is none, or is no longer.
	errSessionOver = errors.New("the session is over, or there never was one: log in again")
	// errKeyReused is returned for a key that was used for another request.
	errKeyReused = errors.New("the key was used for another request")
	// errNotAdmin is returned to a user who is no administrator.
	errNotAdmin = errors.New("only administrators may")
)

// cookieName is the cookie that holds the token, and the metadata in which the
// gateway hands it on.
const cookieName = "vt_session"

// A door knows who calls and lets in who may.
type door struct {
	routes   routes
	tokens   tokens
	viewData *pgxpool.Pool
}

// identify is the interceptor that gives a call its request, and so the trace id
// that all after it have, the answer and the log too. It refuses nothing: they
// have to see every call.
func (d door) identify(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	req := d.request(ctx, info.FullMethod, in, func(key string) []string { return metadata.ValueFromIncomingContext(ctx, key) })
	req.traceParent = tracing.Parent(ctx)
	// At once, so that whoever gives up before the answer has it too. It fails
	// only where the caller is gone.
	_ = grpc.SendHeader(ctx, metadata.Pairs(traceHeader, req.traceID))
	if interceptor.TraceID(ctx) != req.traceID {
		ctx = interceptor.WithTraceID(ctx, req.traceID)
	}
	return next(context.WithValue(ctx, requestKey{}, req), in)
}

// bearer returns the session of the call's credential, nil for none, and whether
// the credential is a good one.
func (d door) bearer(got received) (*session, bool) {
	var token string
	given, cookies := got("authorization"), got(cookieName)
	switch {
	case len(given) == 1:
		scheme, rest, _ := strings.Cut(given[0], " ")
		if !strings.EqualFold(scheme, "bearer") {
			return nil, false
		}
		token = strings.TrimSpace(rest)
	case len(given) == 0 && len(cookies) == 1:
		token = cookies[0]
	case len(given) == 0 && len(cookies) == 0:
		return nil, true
	default:
		return nil, false // of two, nobody knows which is meant
	}
	s, ok := d.tokens.read(token, time.Now())
	if !ok {
		return nil, false
	}
	return &s, true
}

// admit is the interceptor that lets in who may call the method.
func (d door) admit(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := d.check(ctx, requestOf(ctx), accessOf(info.FullMethod)); err != nil {
		return nil, err
	}
	return next(ctx, in)
}

func (d door) check(ctx context.Context, r *request, need access) error {
	switch {
	case need == anybody:
		return nil
	case r.badToken:
		return errSessionOver
	case r.session == nil && need >= users:
		return errNoSession
	case r.session == nil:
		return nil
	}
	user := r.session.user.String()
	interceptor.Annotate(ctx, slog.String("userId", user))
	ended, err := viewdata.ReadSessionEnded(ctx, d.viewData, r.session.id.String())
	if err != nil {
		return err
	}
	if ended {
		return errSessionOver
	}
	if need < admins {
		return nil
	}
	// At each request, so that the role is the user's from the grant on.
	credential, err := viewdata.ReadUserCredentials(ctx, d.viewData, user)
	switch {
	case errors.Is(err, viewdata.ErrNotFound): // rebuilt, and not there again yet
		return errNotAdmin
	case err != nil:
		return err
	case !credential.Admin:
		return errNotAdmin
	}
	return nil
}
