// Package rest is the REST edge of the application: the handler of its port, the
// gateway that translates REST into calls of the gRPC services of this process,
// errors as JSON, and the OpenAPI document.
package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"videotutorials/application/call"
	"videotutorials/application/session"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
)

// successStatus returns the HTTP status of a method's success, by its gRPC name.
func successStatus(method string) int {
	switch method {
	case applicationv1.ViewingsService_RecordViewing_FullMethodName,
		applicationv1.UsersService_RegisterUser_FullMethodName,
		applicationv1.CreatorsService_PublishVideo_FullMethodName,
		applicationv1.CreatorsService_NameVideo_FullMethodName,
		applicationv1.CreatorsService_DescribeVideo_FullMethodName:
		return http.StatusAccepted
	case applicationv1.SessionsService_LogIn_FullMethodName:
		return http.StatusCreated
	case applicationv1.SessionsService_LogOut_FullMethodName:
		return http.StatusNoContent
	}
	return http.StatusOK
}

type gateway struct {
	routes  call.Routes
	cookies session.Cookies
	*runtime.ServeMux
}

// NewGateway returns a handler that translates REST into calls of the services.
func NewGateway(routes call.Routes, cookies session.Cookies, services grpc.ClientConnInterface) (http.Handler, error) {
	g := &gateway{routes: routes, cookies: cookies}
	none := func(string) (string, bool) { return "", false }
	g.ServeMux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true},
		}),
		// Forward and answer copy the headers; the gateway itself copies none.
		runtime.WithIncomingHeaderMatcher(none),
		runtime.WithOutgoingHeaderMatcher(none),
		runtime.WithOutgoingTrailerMatcher(none),
		runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD { return Forward(r) }),
		runtime.WithForwardResponseOption(g.answer),
		runtime.WithErrorHandler(g.answerError),
		runtime.WithRoutingErrorHandler(g.answerRouting),
		runtime.WithMiddlewares(g.checkFields),
		// Otherwise a form that is posted would be served as a GET.
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
	)
	ctx := context.Background()
	err := errors.Join(
		applicationv1.RegisterHomeServiceHandlerClient(ctx, g.ServeMux, applicationv1.NewHomeServiceClient(services)),
		applicationv1.RegisterViewingsServiceHandlerClient(ctx, g.ServeMux, applicationv1.NewViewingsServiceClient(services)),
		applicationv1.RegisterUsersServiceHandlerClient(ctx, g.ServeMux, applicationv1.NewUsersServiceClient(services)),
		applicationv1.RegisterSessionsServiceHandlerClient(ctx, g.ServeMux, applicationv1.NewSessionsServiceClient(services)),
		applicationv1.RegisterCreatorsServiceHandlerClient(ctx, g.ServeMux, applicationv1.NewCreatorsServiceClient(services)),
		applicationv1.RegisterOperationsServiceHandlerClient(ctx, g.ServeMux, applicationv1.NewOperationsServiceClient(services)),
		applicationv1.RegisterAdminServiceHandlerClient(ctx, g.ServeMux, applicationv1.NewAdminServiceClient(services)),
	)
	if err != nil {
		return nil, fmt.Errorf("register with the gateway: %w", err)
	}
	return g, nil
}

// ServeHTTP serves HEAD as GET, because the mux has no HEAD. The caller MUST pass a
// copy of the server's request: the method is changed, and the server needs its own to
// drop the body of the answer to a HEAD.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead && !g.routes.Confirms(r.URL.Path) {
		r.Method = http.MethodGet
	}
	g.ServeMux.ServeHTTP(w, r)
}

// Forward returns the idempotency keys and the credentials of the request as
// metadata. Metadata must be ASCII. Other values are forwarded quoted, so that they
// are rejected as invalid and not ignored.
func Forward(r *http.Request) metadata.MD {
	var pairs []string
	for _, key := range r.Header.Values(call.KeyHeader) {
		if _, ok := contract.ParseUUID(key); !ok {
			key = strings.Trim(call.Quote(key), `"`)
		}
		pairs = append(pairs, call.KeyHeader, key)
	}
	for _, header := range r.Header.Values("Authorization") {
		pairs = append(pairs, "authorization", ascii(header))
	}
	for _, cookie := range r.CookiesNamed(call.CookieName) {
		pairs = append(pairs, call.CookieName, ascii(cookie.Value))
	}
	if pairs == nil {
		return nil
	}
	return metadata.Pairs(pairs...)
}

func ascii(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return call.Quote(text)
	}
	return text
}

// answer sets the headers and the status of a success.
func (g *gateway) answer(ctx context.Context, w http.ResponseWriter, m proto.Message) error {
	copyTrace(ctx, w)
	g.cookies.Update(w, m)
	if method, ok := runtime.RPCMethod(ctx); ok {
		code := successStatus(method)
		if code == http.StatusNoContent {
			w.Header().Del("Content-Type")
		}
		if code != http.StatusOK {
			w.WriteHeader(code)
		}
	}
	return nil
}

// copyTrace replaces the trace id of the answer by that of the call.
func copyTrace(ctx context.Context, w http.ResponseWriter) {
	md, _ := runtime.ServerMetadataFromContext(ctx)
	if id := md.HeaderMD.Get(call.TraceHeader); len(id) > 0 {
		w.Header().Set(call.TraceHeader, id[0])
	}
}

func (g *gateway) answerError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	copyTrace(ctx, w)
	s := status.Convert(err)
	code := runtime.HTTPStatusFromCode(s.Code())
	var withStatus *runtime.HTTPStatusError
	if errors.As(err, &withStatus) {
		s, code = status.Convert(withStatus.Err), withStatus.HTTPStatus
	}
	// A 401 of a method that needs a session deletes the cookie. A failed log-in does
	// not: the browser may have another, valid session.
	if method, ok := runtime.RPCMethod(ctx); ok && code == http.StatusUnauthorized && call.AccessOf(method) != call.Anyone {
		g.cookies.Drop(w, r)
	}
	WriteError(w, code, s)
}

// answerRouting answers a request that matches no route.
func (g *gateway) answerRouting(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	switch code {
	case http.StatusMethodNotAllowed:
		writeNotAllowed(w, r, g.routes.Verbs(r.URL.Path)...)
	case http.StatusNotFound:
		WriteError(w, code, status.Newf(codes.NotFound, "no such path: %s", call.Quote(r.URL.Path)))
	default:
		WriteError(w, code, status.New(codes.InvalidArgument, "bad path"))
	}
}
