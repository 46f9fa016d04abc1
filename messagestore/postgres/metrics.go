package postgres

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"videotutorials/messagestore"
)

// metrics measures a Store. What is a state is looked at when it is scraped.
type metrics struct {
	groupCalls    prometheus.Histogram
	groupMessages prometheus.Histogram
	commitSeconds prometheus.Histogram
	retries       prometheus.Counter
	refused       prometheus.Counter
	ended         prometheus.Counter
	pages         prometheus.Counter
	followers     *followers
}

func newMetrics(registry prometheus.Registerer) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry() // that nobody scrapes
	}
	factory := promauto.With(registry)
	counter := func(name, help string) prometheus.Counter {
		return factory.NewCounter(prometheus.CounterOpts{Namespace: "messagestore", Name: name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return factory.NewHistogram(prometheus.HistogramOpts{Namespace: "messagestore", Name: name, Help: help, Buckets: buckets})
	}
	sizes := prometheus.ExponentialBuckets(1, 2, 11) // to 1,024
	m := &metrics{
		groupCalls:    histogram("group_calls", "Calls whose writes were committed by one transaction.", sizes),
		groupMessages: histogram("group_messages", "Messages that were committed by one transaction.", sizes),
		commitSeconds: histogram("commit_seconds", "Seconds from when a group was sent to Postgres until its commit was known.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}),
		retries: counter("group_retries_total", "Groups that were run again since their outcome was unknown."),
		refused: counter("queue_refused_total", "Calls that were refused since too many writes were waiting."),
		ended:   counter("backends_ended_total", "Backends of Postgres that were ended since they held the lock for too long."),
		pages:   counter("pages_total", "Pages of messages that were read from Postgres."),
		followers: &followers{
			all: map[*subscription]messagestore.Principal{},
			open: prometheus.NewDesc("messagestore_subscriptions",
				"Subscriptions that are open.", []string{"principal"}, nil),
			messages: prometheus.NewDesc("messagestore_subscription_lag_messages",
				"Messages of the log that the subscription furthest behind has not looked at.", []string{"principal"}, nil),
			seconds: prometheus.NewDesc("messagestore_subscription_lag_seconds",
				"Seconds for which the subscription furthest behind has had something to take; 0 at the end of the log.", []string{"principal"}, nil),
		},
	}
	return m
}

// observe registers what is looked at when it is scraped.
func (m *metrics) observe(registry prometheus.Registerer, s *Store) {
	if registry == nil {
		return
	}
	factory := promauto.With(registry)
	gauge := func(name, help string, value func() float64) {
		factory.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "messagestore", Name: name, Help: help}, value)
	}
	gauge("queue_calls", "Calls whose writes are waiting for a transaction.", func() float64 { n, _ := s.queue.waiting(); return float64(n) })
	gauge("queue_bytes", "Bytes of the writes that are waiting for a transaction.", func() float64 { _, n := s.queue.waiting(); return float64(n) })
	gauge("head_position", "Global position of the last message, as this server knows it.", func() float64 {
		end, _ := s.tail.place()
		return float64(end.Position)
	})
	gauge("head_age_seconds", "Seconds since the head was last known to be Postgres's.", s.tail.age)
	gauge("tail_messages", "Messages of the end of the log that are kept in memory.", func() float64 { n, _ := s.tail.kept(); return float64(n) })
	gauge("tail_bytes", "Bytes of the end of the log that are kept in memory.", func() float64 { _, n := s.tail.kept(); return float64(n) })
	gauge("ready", "1 while the store serves and its writes commit, else 0.", func() float64 {
		if s.state() != nil {
			return 0
		}
		return 1
	})
	m.followers.tail = s.tail
	registry.MustRegister(m.followers)
}

// followers are the subscriptions that are open.
type followers struct {
	mu   sync.Mutex
	all  map[*subscription]messagestore.Principal
	tail *tail

	open, messages, seconds *prometheus.Desc
}

// add counts the subscription until it is removed.
func (f *followers) add(s *subscription, who messagestore.Principal) (remove func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[s] = who
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.all, s)
	}
}

// Describe is prometheus's.
func (f *followers) Describe(out chan<- *prometheus.Desc) {
	out <- f.open
	out <- f.messages
	out <- f.seconds
}

// Collect is prometheus's.
func (f *followers) Collect(out chan<- prometheus.Metric) {
	type sum struct {
		open     int
		messages int64
		seconds  float64
	}
	end, _ := f.tail.place()
	sums := map[messagestore.Principal]sum{}
	f.mu.Lock()
	for s, who := range f.all {
		one := sums[who]
		one.open++
		messages, behind := s.lag.of(end.Position)
		one.messages, one.seconds = max(one.messages, messages), max(one.seconds, behind.Seconds())
		sums[who] = one
	}
	f.mu.Unlock()
	for who, one := range sums {
		out <- prometheus.MustNewConstMetric(f.open, prometheus.GaugeValue, float64(one.open), string(who))
		out <- prometheus.MustNewConstMetric(f.messages, prometheus.GaugeValue, float64(one.messages), string(who))
		out <- prometheus.MustNewConstMetric(f.seconds, prometheus.GaugeValue, one.seconds, string(who))
	}
}

// A lag is how far a subscription is behind.
type lag struct {
	// position is the last global position that was looked at.
	position atomic.Int64
	// since is since when there is something after it, in Unix nanoseconds; 0 at
	// the end of the log.
	since atomic.Int64
}

// behind says that something comes after the position, nobody knows since when.
func (l *lag) behind() {
	if l.since.Load() == 0 {
		l.since.Store(time.Now().UnixNano())
	}
}

// behindSince says that what comes next was stored then.
func (l *lag) behindSince(stored time.Time) { l.since.Store(stored.UnixNano()) }

// atEnd says that nothing does.
func (l *lag) atEnd() { l.since.Store(0) }

// of returns how far it is behind the head, in messages and in time.
func (l *lag) of(head int64) (messages int64, behind time.Duration) {
	since := l.since.Load()
	if since == 0 {
		return 0, 0
	}
	return max(head-l.position.Load(), 0), max(time.Since(time.Unix(0, since)), 0)
}
