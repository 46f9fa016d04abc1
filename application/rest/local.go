package rest

import (
	"context"
	"maps"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/tracing"
)

// Local calls the unary methods of the services that are registered with it, in the
// same process, through an interceptor and without a connection: that would double
// the cost of a viewing in the application.
//
// Other than the channels of grpchan, it returns after the handler, so that the
// header metadata, and with it the trace id, is there after a deadline too.
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
	stream := &localStream{method: method, header: metadata.MD{}, trailer: metadata.MD{}}
	ctx = metadata.NewIncomingContext(metadata.NewOutgoingContext(ctx, nil), sent)
	ctx = grpc.NewContextWithServerTransportStream(peer.NewContext(ctx, &peer.Peer{Addr: localAddr{}}), stream)
	ctx, end := tracing.StartCall(ctx, method)
	answer, err := m.handler(m.service, ctx, func(request any) error {
		proto.Merge(request.(proto.Message), in.(proto.Message))
		return nil
	}, l.interceptor)
	end(err)
	for _, o := range options {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = stream.header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = stream.trailer
		}
	}
	if err != nil {
		s, ok := status.FromError(err)
		if !ok {
			s = status.FromContextError(err)
		}
		return s.Err()
	}
	proto.Merge(out.(proto.Message), answer.(proto.Message))
	return nil
}

// NewStream implements grpc.ClientConnInterface. There are no streams.
func (l *Local) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "streams are not supported")
}

// A localStream is a grpc.ServerTransportStream that keeps a handler's metadata.
type localStream struct {
	method          string
	header, trailer metadata.MD
}

func (s *localStream) Method() string                  { return s.method }
func (s *localStream) SendHeader(md metadata.MD) error { return s.SetHeader(md) }
func (s *localStream) SetHeader(md metadata.MD) error {
	maps.Copy(s.header, md)
	return nil
}
func (s *localStream) SetTrailer(md metadata.MD) error {
	maps.Copy(s.trailer, md)
	return nil
}

// localAddr is the address that calls of the gateway come from.
type localAddr struct{}

func (localAddr) Network() string { return "local" }
func (localAddr) String() string  { return "gateway" }
