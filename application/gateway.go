package application

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	applicationv1 "videotutorials/proto/application/v1"
)

// success returns the HTTP status of a method's success, by its gRPC name.
func success(method string) int {
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

// gateway translates REST into calls of the services.
type gateway struct {
	routes  routes
	cookies cookies
	*runtime.ServeMux
}

func newGateway(ctx context.Context, rs routes, c cookies, services *local) (*gateway, error) {
	g := &gateway{routes: rs, cookies: c}
	nothing := func(string) (string, bool) { return "", false }
	g.ServeMux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true},
		}),
		// Of the headers only those cross that forward and answer know.
		runtime.WithIncomingHeaderMatcher(nothing),
		runtime.WithOutgoingHeaderMatcher(nothing),
		runtime.WithOutgoingTrailerMatcher(nothing),
		runtime.WithMetadata(forward),
		runtime.WithForwardResponseOption(g.answer),
		runtime.WithErrorHandler(g.answerError),
		runtime.WithRoutingErrorHandler(g.answerRouting),
		runtime.WithMiddlewares(g.strict),
		// A form that is posted would be taken for a GET.
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
	)
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

// ServeHTTP answers HEAD as GET, since the mux knows none; the server, who has the
// request as it came, keeps the body back. The request's method is changed.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead && !g.routes.confirms(r.URL.Path) {
		r.Method = http.MethodGet
	}
	g.ServeMux.ServeHTTP(w, r)
}

// forward hands the idempotency keys and the credential on. What cannot be
// metadata, which is ASCII, is no UUID and no token either: it goes in quotes, to
// be refused there and not to be lost here.
func forward(_ context.Context, r *http.Request) metadata.MD {
	var pairs []string
	for _, key := range r.Header.Values(keyHeader) {
		if _, ok := parseUUID(key); !ok {
			key = strings.Trim(quote(key), `"`)
		}
		pairs = append(pairs, keyMetadata, key)
	}
	for _, header := range r.Header.Values("Authorization") {
		pairs = append(pairs, "authorization", ascii(header))
	}
	for _, cookie := range r.CookiesNamed(cookieName) {
		pairs = append(pairs, cookieName, ascii(cookie.Value))
	}
	if pairs == nil {
		return nil
	}
	return metadata.Pairs(pairs...)
}

// answer sets the headers and the status of a success.
func (g *gateway) answer(ctx context.Context, w http.ResponseWriter, m proto.Message) error {
	takeTrace(ctx, w)
	g.cookies.set(w, m)
	if method, ok := runtime.RPCMethod(ctx); ok {
		code := success(method)
		if code == http.StatusNoContent {
			w.Header().Del("Content-Type")
		}
		if code != http.StatusOK {
			w.WriteHeader(code)
		}
	}
	return nil
}

// takeTrace answers with the trace id that the call had, instead of the one that
// HTTP answers have that reach no service.
func takeTrace(ctx context.Context, w http.ResponseWriter) {
	md, _ := runtime.ServerMetadataFromContext(ctx)
	if id := md.HeaderMD.Get(traceHeader); len(id) > 0 {
		w.Header().Set(traceHeader, id[0])
	}
}

func (g *gateway) answerError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	takeTrace(ctx, w)
	s := status.Convert(err)
	code := runtime.HTTPStatusFromCode(s.Code())
	var withStatus *runtime.HTTPStatusError
	if errors.As(err, &withStatus) {
		s, code = status.Convert(withStatus.Err), withStatus.HTTPStatus
	}
	// Who fails to log in keeps the session that he has.
	if method, ok := runtime.RPCMethod(ctx); ok && code == http.StatusUnauthorized && accessOf(method) != anybody {
		g.cookies.drop(w, r)
	}
	writeError(w, code, s)
}

// answerRouting answers a request that no method is for.
func (g *gateway) answerRouting(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	switch code {
	case http.StatusMethodNotAllowed:
		writeNotAllowed(w, r, g.routes.verbs(r.URL.Path)...)
	case http.StatusNotFound:
		writeError(w, code, status.Newf(codes.NotFound, "no such path: %s", quote(r.URL.Path)))
	default:
		writeError(w, code, status.New(codes.InvalidArgument, "bad path"))
	}
}

func writeNotAllowed(w http.ResponseWriter, r *http.Request, allowed ...string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writeError(w, http.StatusMethodNotAllowed,
		status.Newf(codes.Unimplemented, "%s has no %s, only %s", quote(r.URL.Path), quote(r.Method), strings.Join(allowed, ", ")))
}

// writeError answers with a status as JSON.
func writeError(w http.ResponseWriter, code int, s *status.Status) {
	for _, detail := range s.Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			// Whole seconds, rounded up: nobody comes back too early.
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
	_, _ = w.Write(body) // an error here is the client's, gone
}
