package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"videotutorials/messagestore"
)

// metrics are the metrics of a Store.
type metrics struct {
	groupCalls, groupMessages, commitSeconds prometheus.Histogram
	retries, rejected, ended, pages          prometheus.Counter
	subscriptions                            *subscriptions
}

const namespace = "messagestore"

// newMetrics registers the counters and histograms, unless registry is nil.
func newMetrics(registry prometheus.Registerer) *metrics {
	factory := promauto.With(registry)
	counter := func(name, help string) prometheus.Counter {
		return factory.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return factory.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	}
	sizes := prometheus.ExponentialBuckets(1, 2, 11) // to 1,024
	return &metrics{
		groupCalls:    histogram("group_calls", "Calls committed per transaction.", sizes),
		groupMessages: histogram("group_messages", "Messages committed per transaction.", sizes),
		commitSeconds: histogram("commit_seconds", "Seconds from sending a group to Postgres to its commit.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}),
		retries:       counter("group_retries_total", "Retries of groups with an unknown outcome."),
		rejected:      counter("queue_refused_total", "Writes rejected because the queue was full."),
		ended:         counter("backends_ended_total", "Backends of Postgres terminated because they held the append lock for too long."),
		pages:         counter("pages_total", "Pages of messages read from Postgres."),
		subscriptions: newSubscriptions(),
	}
}

// observe registers the gauges, which read the state of the Store when they are
// scraped.
func (m *metrics) observe(registry prometheus.Registerer, s *Store) {
	if registry == nil {
		return
	}
	for _, g := range []struct {
		name, help string
		value      func() float64
	}{
		{"queue_calls", "Calls in the queue of writes.", func() float64 { n, _ := s.queue.size(); return float64(n) }},
		{"queue_bytes", "Bytes of the calls in the queue of writes.", func() float64 { _, n := s.queue.size(); return float64(n) }},
		{"head_position", "Global position of the last message known to this server.", func() float64 {
			head, _ := s.tail.head()
			return float64(head.Position)
		}},
		{"head_age_seconds", "Seconds since the known head was that of Postgres.", func() float64 { return s.tail.age().Seconds() }},
		{"tail_messages", "Messages of the end of the log in memory.", func() float64 { n, _ := s.tail.size(); return float64(n) }},
		{"tail_bytes", "Bytes of the end of the log in memory.", func() float64 { _, n := s.tail.size(); return float64(n) }},
		{"ready", "1 while the store serves and its writes commit, otherwise 0.", func() float64 {
			if s.Ready(context.Background()) != nil {
				return 0
			}
			return 1
		}},
	} {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: g.name, Help: g.help}, g.value))
	}
	m.subscriptions.tail = s.tail
	registry.MustRegister(m.subscriptions)
}

// subscriptions collects the metrics of the open subscriptions.
type subscriptions struct {
	tail *tail
	mu   sync.Mutex
	all  map[*subscription]messagestore.Principal

	open, messages, seconds *prometheus.Desc
}

func newSubscriptions() *subscriptions {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("messagestore_"+name, help, []string{"principal"}, nil)
	}
	return &subscriptions{
		all:      map[*subscription]messagestore.Principal{},
		open:     desc("subscriptions", "Open subscriptions of the principal."),
		messages: desc("subscription_lag_messages", "Messages after the position of the subscription that is furthest behind."),
		seconds:  desc("subscription_lag_seconds", "Seconds since the subscription that is furthest behind left the head; 0 at the head."),
	}
}

// add counts the subscription until remove is called.
func (c *subscriptions) add(s *subscription, principal messagestore.Principal) (remove func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[s] = principal
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.all, s)
	}
}

// Describe implements prometheus.Collector.
func (c *subscriptions) Describe(out chan<- *prometheus.Desc) {
	out <- c.open
	out <- c.messages
	out <- c.seconds
}

// Collect implements prometheus.Collector.
func (c *subscriptions) Collect(out chan<- prometheus.Metric) {
	type total struct{ open, messages, seconds float64 }
	head, _ := c.tail.head()
	totals := map[messagestore.Principal]total{}
	c.mu.Lock()
	for s, principal := range c.all {
		t := totals[principal]
		messages, behind := s.lag.of(head.Position)
		totals[principal] = total{t.open + 1, max(t.messages, float64(messages)), max(t.seconds, behind.Seconds())}
	}
	c.mu.Unlock()
	for principal, t := range totals {
		out <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, t.open, string(principal))
		out <- prometheus.MustNewConstMetric(c.messages, prometheus.GaugeValue, t.messages, string(principal))
		out <- prometheus.MustNewConstMetric(c.seconds, prometheus.GaugeValue, t.seconds, string(principal))
	}
}

// A lag is the distance of a subscription from the head.
type lag struct {
	position atomic.Int64 // the last global position that was read
	since    atomic.Int64 // the time since when messages follow it, in Unix nanoseconds; 0 at the head
}

// begin records that messages follow the position, since an unknown time.
func (l *lag) begin() { l.since.CompareAndSwap(0, time.Now().UnixNano()) }

// beginAt records the time of the message after the position.
func (l *lag) beginAt(stored time.Time) { l.since.Store(stored.UnixNano()) }

// end records that no messages follow the position.
func (l *lag) end() { l.since.Store(0) }

// of returns the distance from the head, in messages and in time.
func (l *lag) of(head int64) (messages int64, behind time.Duration) {
	since := l.since.Load()
	if since == 0 {
		return 0, 0
	}
	return max(head-l.position.Load(), 0), max(time.Since(time.Unix(0, since)), 0)
}
