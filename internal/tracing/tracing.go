// Package tracing sends OpenTelemetry traces. A trace follows a REST or gRPC call
// through the metadata of its messages into the components, the events that they
// write, and the aggregators.
//
// Tracing is on if OTEL_EXPORTER_OTLP_ENDPOINT is set. That variable and the
// others, such as OTEL_TRACES_SAMPLER, are OpenTelemetry's own. Without it, every
// function of this package does nothing.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

const (
	endpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"
	// parentKey is the W3C header, and the metadata key, of the trace context.
	parentKey = "traceparent"
	// tracerName is the instrumentation scope of our own spans.
	tracerName = "videotutorials"
	// flushTimeout bounds the export of the remaining spans at the end.
	flushTimeout = 2 * time.Second
)

var propagator propagation.TraceContext

// Enabled reports whether the process sends traces.
func Enabled() bool { return os.Getenv(endpointVariable) != "" }

// Start sets up the export of the process's traces, with program as the service
// name. The caller MUST call stop at the end; it sends the remaining spans.
func Start(ctx context.Context, program string, log *slog.Logger) (stop func(), err error) {
	if !Enabled() {
		return func() {}, nil
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("trace to %s: %w", os.Getenv(endpointVariable), err)
	}
	service, err := resource.Merge(resource.Default(), resource.NewSchemaless(attribute.String("service.name", program)))
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(service))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagator)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are lost", "error", err) }))
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		_ = provider.Shutdown(ctx) // the process ends anyway
	}, nil
}

// Parent returns the trace context of ctx as message metadata stores it, or "" if
// ctx is not traced.
func Parent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagator.Inject(ctx, carrier)
	return carrier[parentKey]
}

// Sampled reports whether ctx belongs to a trace that is exported.
func Sampled(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

// StartCall starts the span of a call that arrived over no connection. The caller
// MUST call end with the result.
func StartCall(ctx context.Context, method string) (_ context.Context, end func(error)) {
	return start(ctx, strings.TrimPrefix(method, "/"), trace.WithSpanKind(trace.SpanKindServer))
}

// StartHandling starts the span of handling a message, as a child of parent, the
// trace context from the message's metadata. The caller MUST call end with the
// result.
func StartHandling(ctx context.Context, name, parent string, options ...trace.SpanStartOption) (_ context.Context, end func(error)) {
	ctx = propagator.Extract(ctx, propagation.MapCarrier{parentKey: parent})
	return start(ctx, name, append(options, trace.WithSpanKind(trace.SpanKindConsumer))...)
}

func start(ctx context.Context, name string, options ...trace.SpanStartOption) (_ context.Context, end func(error)) {
	if !Enabled() {
		return ctx, func(error) {}
	}
	ctx, span := otel.Tracer(tracerName).Start(ctx, name, options...)
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// ServerOptions returns the options that trace the calls of a gRPC server.
func ServerOptions() []grpc.ServerOption {
	if !Enabled() {
		return nil
	}
	return []grpc.ServerOption{grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithFilter(traced)))}
}

// DialOptions returns the options that trace the calls of a gRPC client.
func DialOptions() []grpc.DialOption {
	if !Enabled() {
		return nil
	}
	return []grpc.DialOption{grpc.WithStatsHandler(otelgrpc.NewClientHandler(otelgrpc.WithFilter(traced)))}
}

// traced reports whether a call gets a span. Health checks, reflection and
// subscriptions last as long as the process, and a WriteEach belongs to several
// callers.
func traced(call *stats.RPCTagInfo) bool {
	return !strings.HasPrefix(call.FullMethodName, "/grpc.") && !strings.HasSuffix(call.FullMethodName, "/Subscribe") &&
		!strings.HasSuffix(call.FullMethodName, "/WriteEach")
}
