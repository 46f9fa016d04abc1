package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"videotutorials/internal/service"
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

func benchCommand(t terminal) service.Command {
	b := &benchWrites{client: client{terminal: t}}
	return service.Command{
		Name: "bench", Help: "measure writes of one small message each; the messages stay in the log for ever",
		Settings: b, Tool: true, Run: b.run,
	}
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
			Writes: all.count, Refused: all.refused, PerSecond: math.Round(float64(all.count) / took.Seconds()),
			P50: milliseconds(all.percentile(0.5)), P99: milliseconds(all.percentile(0.99)), Max: milliseconds(all.max),
		}
		return p.print(f, "writes  %d\nrefused %d\nrate    %.0f/s\np50     %.2fms\np99     %.2fms\nmax     %.2fms",
			f.Writes, f.Refused, f.PerSecond, f.P50, f.P99, f.Max)
	})
}

// figures are the result of a measurement.
type figures struct {
	Writes    int64   `json:"writes"`
	Refused   int64   `json:"refused"`
	PerSecond float64 `json:"writes_per_second"`
	P50       float64 `json:"p50_milliseconds"`
	P99       float64 `json:"p99_milliseconds"`
	Max       float64 `json:"max_milliseconds"`
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// measure writes for b.Duration, or until ctx ends. It returns the latencies of the
// calls and the duration.
func (b *benchWrites) measure(ctx context.Context, store messagestore.Store) (*latencies, time.Duration, error) {
	ctx, stop := context.WithTimeout(ctx, b.Duration)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	each := make([]latencies, b.Writers)
	start := time.Now()
	for n := range each {
		group.Go(func() error { return b.write(ctx, store, n, &each[n]) })
	}
	err := group.Wait()
	took := time.Since(start)
	for i := range each[1:] {
		each[0].add(&each[i+1])
	}
	return &each[0], took, err
}

// write is one writer. It completes a call that it has started.
func (b *benchWrites) write(ctx context.Context, store messagestore.Store, writer int, l *latencies) error {
	for n := writer; ctx.Err() == nil; n += b.Writers {
		stream := messagestore.Category(b.Category).Stream(strconv.Itoa(n % b.Streams))
		start := time.Now()
		_, err := store.Write(context.WithoutCancel(ctx), stream, messagestore.Any, messagestore.NewMessage{
			Type: "Measured", Data: `{"by": "messagestore bench"}`,
		})
		if refused, ok := errors.AsType[*messagestore.ExhaustedError](err); ok {
			l.refused++
			select {
			case <-ctx.Done():
			case <-time.After(refused.RetryAfter):
			}
			continue
		}
		if err != nil {
			return err
		}
		l.record(time.Since(start))
	}
	return nil
}

// latencies is a histogram of latencies in steps of 1 %, whose size does not depend
// on the number of calls.
type latencies struct {
	counts [2000]int64 // up to 440 s
	count  int64
	// refused counts the calls rejected because the store was overloaded.
	refused int64
	max     time.Duration
}

const step = 1.01

func (l *latencies) record(d time.Duration) {
	n := int(math.Log(float64(d.Microseconds()+1)) / math.Log(step))
	l.counts[min(n, len(l.counts)-1)]++
	l.count++
	l.max = max(l.max, d)
}

func (l *latencies) add(other *latencies) {
	for n, count := range other.counts {
		l.counts[n] += count
	}
	l.count += other.count
	l.refused += other.refused
	l.max = max(l.max, other.max)
}

// percentile returns the latency that the share of the calls did not exceed.
func (l *latencies) percentile(share float64) time.Duration {
	left := int64(math.Ceil(share * float64(l.count)))
	for n, count := range l.counts {
		if left -= count; left <= 0 {
			return min(time.Duration(math.Pow(step, float64(n+1)))*time.Microsecond, l.max)
		}
	}
	return l.max
}
