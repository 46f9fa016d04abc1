package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"videotutorials/messagestore"
)

// benchWrites is the command that measures writes.
type benchWrites struct {
	client
	Category string        `name:"category" default:"bench" help:"category of the streams"`
	Streams  int           `name:"streams" default:"1000" help:"number of streams"`
	Writers  int           `name:"writers" default:"64" help:"number of concurrent writers"`
	Duration time.Duration `name:"duration" default:"10s" help:"duration of the measurement"`
	Yes      bool          `name:"yes" default:"false" help:"confirm that the messages stay in the log for ever; required"`
}

func (b *benchWrites) run(ctx context.Context, _ *slog.Logger, _ []string) error {
	switch {
	case b.Streams < 1 || b.Writers < 1 || b.Duration <= 0:
		return usage("streams, writers and duration are above 0")
	// The log is append-only: a measurement in the wrong store cannot be undone.
	case !b.Yes:
		return usage("bench fills the log at %s, category %s, with messages that stay for ever: confirm with -yes", b.Addr, b.Category)
	}
	return b.call(func(store messagestore.Store, p *printer) error {
		all, took, err := b.measure(ctx, store)
		if err != nil {
			return err
		}
		f := figures{
			Writes: len(all.latencies), Refused: all.refused, PerSecond: math.Round(float64(len(all.latencies)) / took.Seconds()),
			P50: all.percentile(0.5), P99: all.percentile(0.99), Max: all.percentile(1),
		}
		return p.print(f, "writes  %d\nrefused %d\nrate    %.0f/s\np50     %.2fms\np99     %.2fms\nmax     %.2fms",
			f.Writes, f.Refused, f.PerSecond, f.P50, f.P99, f.Max)
	})
}

// figures are the result of a measurement.
type figures struct {
	Writes    int     `json:"writes"`
	Refused   int     `json:"refused"`
	PerSecond float64 `json:"writes_per_second"`
	P50       float64 `json:"p50_milliseconds"`
	P99       float64 `json:"p99_milliseconds"`
	Max       float64 `json:"max_milliseconds"`
}

// measurement are the calls of a writer.
type measurement struct {
	latencies []time.Duration
	// rejected counts the calls rejected because the store was overloaded.
	refused int
}

// measure writes for b.Duration, or until ctx ends. It returns the calls and the
// duration.
func (b *benchWrites) measure(ctx context.Context, store messagestore.Store) (all measurement, took time.Duration, err error) {
	ctx, stop := context.WithTimeout(ctx, b.Duration)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	writers := make([]measurement, b.Writers)
	start := time.Now()
	for n := range writers {
		group.Go(func() error { return b.write(ctx, store, n, &writers[n]) })
	}
	err = group.Wait()
	took = time.Since(start)
	for _, m := range writers {
		all.latencies = append(all.latencies, m.latencies...)
		all.refused += m.refused
	}
	slices.Sort(all.latencies)
	return all, took, err
}

// write is one writer. It completes a call that it has started.
func (b *benchWrites) write(ctx context.Context, store messagestore.Store, writer int, m *measurement) error {
	for n := writer; ctx.Err() == nil; n += b.Writers {
		stream := messagestore.Category(b.Category).Stream(strconv.Itoa(n % b.Streams))
		start := time.Now()
		_, err := store.Write(context.WithoutCancel(ctx), stream, messagestore.Any, messagestore.NewMessage{
			Type: "Measured", Data: `{"by": "messagestore bench"}`,
		})
		if refused, ok := errors.AsType[*messagestore.ExhaustedError](err); ok {
			m.refused++
			select {
			case <-ctx.Done():
			case <-time.After(refused.RetryAfter):
			}
			continue
		}
		if err != nil {
			return err
		}
		m.latencies = append(m.latencies, time.Since(start))
	}
	return nil
}

// percentile returns the milliseconds that the share of the calls did not exceed; 0
// without calls.
func (m *measurement) percentile(share float64) float64 {
	if len(m.latencies) == 0 {
		return 0
	}
	n := int(math.Ceil(share*float64(len(m.latencies)))) - 1
	return float64(m.latencies[n].Microseconds()) / 1000
}
