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
	"google.golang.org/grpc"
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
	case applicationv1.ViewingsService_RecordViewing_FullMethodName:
		return http.StatusAccepted
	}
	return http.StatusOK
}

// gateway translates REST into calls over conn.
type gateway struct {
	routes routes
	*runtime.ServeMux
}

func newGateway(ctx context.Context, rs routes, conn *grpc.ClientConn) (*gateway, error) {
	g := &gateway{routes: rs}
	nothing := func(string) (string, bool) { return "", false }
	g.ServeMux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true},
		}),
		// Of the headers only those that forwardKey and answer know cross, and
		// Authorization.
		runtime.WithIncomingHeaderMatcher(nothing),
		runtime.WithOutgoingHeaderMatcher(nothing),
		runtime.WithOutgoingTrailerMatcher(nothing),
		runtime.WithMetadata(forwardKey),
		runtime.WithForwardResponseOption(answer),
		runtime.WithErrorHandler(answerError),
		runtime.WithRoutingErrorHandler(g.answerRouting),
		runtime.WithMiddlewares(g.strict),
		// A form that is posted would be taken for a GET.
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
	)
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		applicationv1.RegisterHomeServiceHandler,
		applicationv1.RegisterViewingsServiceHandler,
	} {
		if err := register(ctx, g.ServeMux, conn); err != nil {
			return nil, fmt.Errorf("register with the gateway: %w", err)
		}
	}
	return g, nil
}

// forwardKey hands the idempotency keys on. What cannot be metadata, which is
// ASCII, is no UUID either: it goes in quotes, to be refused there and not to be
// lost here.
func forwardKey(_ context.Context, r *http.Request) metadata.MD {
	md := metadata.MD{}
	for _, key := range r.Header.Values(keyHeader) {
		if _, ok := parseUUID(key); !ok {
			key = strings.Trim(quote(key), `"`)
		}
		md.Append(keyHeader, key)
	}
	return md
}

// answer sets the headers and the status of a success.
func answer(ctx context.Context, w http.ResponseWriter, _ proto.Message) error {
	takeTrace(ctx, w)
	if method, ok := runtime.RPCMethod(ctx); ok {
		if code := success(method); code != http.StatusOK {
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

func answerError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	takeTrace(ctx, w)
	s := status.Convert(err)
	code := runtime.HTTPStatusFromCode(s.Code())
	var withStatus *runtime.HTTPStatusError
	if errors.As(err, &withStatus) {
		s, code = status.Convert(withStatus.Err), withStatus.HTTPStatus
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
	body, err := protojson.Marshal(s.Proto())
	if err != nil { // a detail of a type that is not linked in
		body = []byte(`{"code":13,"message":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // an error here is the client's, gone
}
