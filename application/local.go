package application

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

// local is how the gateway calls the services of its own process: through all
// interceptors, as over gRPC, and without a connection, which would cost as much
// as all else that a viewing costs here. Unary calls only.
type local struct {
	around  grpc.UnaryServerInterceptor
	methods map[string]localMethod
}

type localMethod struct {
	service any
	handler grpc.MethodHandler
}

func newLocal(around grpc.UnaryServerInterceptor) *local {
	return &local{around, map[string]localMethod{}}
}

// RegisterService is grpc.ServiceRegistrar's.
func (l *local) RegisterService(d *grpc.ServiceDesc, service any) {
	for _, m := range d.Methods {
		l.methods["/"+d.ServiceName+"/"+m.MethodName] = localMethod{service, m.Handler}
	}
}

// Invoke is grpc.ClientConnInterface's.
func (l *local) Invoke(ctx context.Context, method string, in, out any, options ...grpc.CallOption) error {
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
	}, l.around)
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

// NewStream is grpc.ClientConnInterface's.
func (l *local) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams go through the gateway")
}

// A localStream keeps what a handler says beside its answer.
type localStream struct {
	method          string
	header, trailer metadata.MD
}

func (s *localStream) Method() string { return s.method }

// SetHeader is grpc.ServerTransportStream's.
func (s *localStream) SetHeader(md metadata.MD) error {
	maps.Copy(s.header, md)
	return nil
}

// SendHeader is grpc.ServerTransportStream's.
func (s *localStream) SendHeader(md metadata.MD) error { return s.SetHeader(md) }

// SetTrailer is grpc.ServerTransportStream's.
func (s *localStream) SetTrailer(md metadata.MD) error {
	maps.Copy(s.trailer, md)
	return nil
}

// localAddr is where calls of the gateway come from.
type localAddr struct{}

func (localAddr) Network() string { return "local" }
func (localAddr) String() string  { return "gateway" }
