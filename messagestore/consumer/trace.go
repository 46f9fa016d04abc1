package consumer

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"videotutorials/internal/tracing"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// StartSpan starts the span of handling m in the consumer, as a child of parent,
// the trace context from the metadata of m. The caller MUST call end with the
// result. Without tracing it does nothing.
func StartSpan(ctx context.Context, m messagestore.Message, parent, consumer string, options ...trace.SpanStartOption) (_ context.Context, end func(error)) {
	if !tracing.Enabled() {
		return ctx, func(error) {}
	}
	return tracing.StartHandling(ctx, "handle "+m.Type, parent, append(options, trace.WithAttributes(
		attribute.String("videotutorials.consumer", consumer),
		attribute.String("messaging.message.id", m.ID),
		attribute.String("messaging.destination.name", string(m.Stream)),
		attribute.Int64("videotutorials.global_position", m.GlobalPosition),
	))...)
}

// RecordSpans records a span from began until now for each of the messages that
// has a trace context. It is for messages that are handled in one transaction.
func RecordSpans(ctx context.Context, messages []messagestore.Message, consumer string, began time.Time) {
	if !tracing.Enabled() {
		return
	}
	for _, m := range messages {
		if metadata, err := contract.ParseMetadata(m.Metadata); err == nil && metadata.TraceParent != "" {
			_, end := StartSpan(ctx, m, metadata.TraceParent, consumer, trace.WithTimestamp(began))
			end(nil)
		}
	}
}
