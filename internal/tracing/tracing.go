// Package tracing is the system's OpenTelemetry traces: they go from a call over
// REST or gRPC through the metadata of the messages into the components, the
// events that these write and the aggregators. Processes send them by OTLP to
// where OTEL_EXPORTER_OTLP_ENDPOINT says, which is OpenTelemetry's own setting,
// as are OTEL_TRACES_SAMPLER and the others. Without it nothing is traced, and
// it costs nothing.
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

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// endpoint is where traces go; "" for nowhere.
const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"

func enabled() bool { return os.Getenv(endpoint) != "" }

// Start lets the process send its traces, under the name of its program, if there
// is where to. The caller MUST call stop at the end, which sends what is left.
func Start(ctx context.Context, program string, log *slog.Logger) (stop func(), err error) {
	if !enabled() {
		return func() {}, nil
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("trace to %s: %w", os.Getenv(endpoint), err)
	}
	of, err := resource.Merge(resource.Default(), resource.NewSchemaless(attribute.String("service.name", program)))
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(of))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(context0{})
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are lost", "error", err) }))
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		_ = provider.Shutdown(ctx) // nobody is left to be told
	}, nil
}

// farewell bounds how long the end waits for who takes the traces.
const farewell = 2 * time.Second

// context0 is version 0 of W3C's trace context.
type context0 = propagation.TraceContext

// parentKey is the header of the trace context, and the key in metadata.
const parentKey = "traceparent"

// Parent returns the trace context as messages have it, "" where the call is not
// traced.
func Parent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	context0{}.Inject(ctx, carrier)
	return carrier[parentKey]
}

// Sampled reports whether the call is part of a trace that somebody will see.
func Sampled(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

// Call begins the span of a call that came over no connection. The caller MUST
// call end with what came of it.
func Call(ctx context.Context, method string) (_ context.Context, end func(error)) {
	if !enabled() {
		return ctx, func(error) {}
	}
	ctx, span := otel.Tracer(tracer).Start(ctx, strings.TrimPrefix(method, "/"), trace.WithSpanKind(trace.SpanKindServer))
	return ctx, ending(span)
}

func ending(span trace.Span) func(error) {
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// tracer is the name under which our own spans are made.
const tracer = "videotutorials"

// Handle begins the span of a message that is handled, whose metadata has the
// parent. The caller MUST call end with what came of it.
func Handle(ctx context.Context, m messagestore.Message, parent, consumer string) (_ context.Context, end func(error)) {
	if !enabled() {
		return ctx, func(error) {}
	}
	ctx, span := begin(ctx, m, parent, consumer)
	return ctx, ending(span)
}

// Handled says that the messages were handled from then until now, all at once.
func Handled(ctx context.Context, messages []messagestore.Message, consumer string, begun time.Time) {
	if !enabled() {
		return
	}
	for _, m := range messages {
		if metadata, err := contract.ParseMetadata(m.Metadata); err == nil && metadata.TraceParent != "" {
			_, span := begin(ctx, m, metadata.TraceParent, consumer, trace.WithTimestamp(begun))
			span.End()
		}
	}
}

func begin(ctx context.Context, m messagestore.Message, parent, consumer string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	ctx = context0{}.Extract(ctx, propagation.MapCarrier{parentKey: parent})
	options = append(options, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("videotutorials.consumer", consumer),
		attribute.String("messaging.message.id", m.ID),
		attribute.String("messaging.destination.name", string(m.Stream)),
		attribute.Int64("videotutorials.global_position", m.GlobalPosition),
	))
	return otel.Tracer(tracer).Start(ctx, "handle "+m.Type, options...)
}

// ServerOptions are the options of a gRPC server whose calls are traced.
func ServerOptions() []grpc.ServerOption {
	if !enabled() {
		return nil
	}
	return []grpc.ServerOption{grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithFilter(brief)))}
}

// DialOptions are the options of a gRPC client whose calls are traced.
func DialOptions() []grpc.DialOption {
	if !enabled() {
		return nil
	}
	return []grpc.DialOption{grpc.WithStatsHandler(otelgrpc.NewClientHandler(otelgrpc.WithFilter(brief)))}
}

// brief reports whether a call is one to be traced: those of health, reflection
// and subscriptions last as long as the process, and writes that are gathered are
// those of nobody who is traced.
func brief(call *stats.RPCTagInfo) bool {
	return !strings.HasPrefix(call.FullMethodName, "/grpc.") && !strings.HasSuffix(call.FullMethodName, "/Subscribe") &&
		!strings.HasSuffix(call.FullMethodName, "/WriteEach")
}
