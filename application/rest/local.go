package rest

import (
	"context"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/tracing"
)

// Local calls the unary methods of the services that are registered with it, in the
// same process, through an interceptor and without a connection: that would double
// the cost of a viewing in the application.
//
// Unlike the channels of grpchan it returns after the handler, also after a deadline:
// so the header metadata, with the trace id, is always there.
type Local struct {
	interceptor grpc.UnaryServerInterceptor
	methods     map[string]localMethod
}

type localMethod struct {
	service any
	handler grpc.MethodHandler
}

// NewLocal returns a Local without services.
func NewLocal(interceptor grpc.UnaryServerInterceptor) *Local {
	return &Local{interceptor, map[string]localMethod{}}
}

// RegisterService implements grpc.ServiceRegistrar.
func (l *Local) RegisterService(d *grpc.ServiceDesc, service any) {
	for _, m := range d.Methods {
		l.methods["/"+d.ServiceName+"/"+m.MethodName] = localMethod{service, m.Handler}
	}
}

// Invoke implements grpc.ClientConnInterface.
func (l *Local) Invoke(ctx context.Context, method string, in, out any, options ...grpc.CallOption) error {
	m, ok := l.methods[method]
	if !ok {
		return status.Errorf(codes.Unimplemented, "there is no method %s", method)
	}
	sent, _ := metadata.FromOutgoingContext(ctx)
	ctx = metadata.NewIncomingContext(metadata.NewOutgoingContext(ctx, nil), sent)
	var stream runtime.ServerTransportStream
	ctx, end := tracing.StartCall(grpc.NewContextWithServerTransportStream(ctx, &stream), method)
	answer, err := m.handler(m.service, ctx, func(request any) error {
		proto.Merge(request.(proto.Message), in.(proto.Message))
		return nil
	}, l.interceptor)
	end(err)
	for _, o := range options {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = stream.Header()
		case grpc.TrailerCallOption:
			*o.TrailerAddr = stream.Trailer()
		}
	}
	if err == nil {
		proto.Merge(out.(proto.Message), answer.(proto.Message))
	}
	return err
}

// NewStream implements grpc.ClientConnInterface. There are no streams.
func (l *Local) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "streams are not supported")
}
