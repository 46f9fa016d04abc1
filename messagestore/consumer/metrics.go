package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/messagestore"
)

// statusTimeout bounds how long a scrape waits for the head of the log.
const statusTimeout = time.Second

// Metrics measures the consumers of a process, labelled by their ids:
//
//	consumer_handled_total         messages handled
//	consumer_failures_total        failures, which are retried
//	consumer_handling_seconds      time to handle a message, or a batch of an aggregator
//	consumer_lag_messages          messages between the position and the head of the log
//	consumer_position_age_seconds  time since the position moved or was confirmed
//
// A scrape reads the head of the log from the store. While the store is
// unavailable the lag is absent and the age grows.
type Metrics struct {
	store           messagestore.Store
	handledTotal    *prometheus.CounterVec
	failuresTotal   *prometheus.CounterVec
	handlingSeconds *prometheus.HistogramVec
	lag, age        *prometheus.Desc
	mu              sync.Mutex
	positions       map[string]int64
	confirmed       map[string]time.Time
}

// NewMetrics registers and returns the metrics of a process whose consumers
// subscribe to the store. It panics if they are registered already.
func NewMetrics(registry prometheus.Registerer, store messagestore.Store) *Metrics {
	label := []string{"consumer"}
	m := &Metrics{
		store:         store,
		handledTotal:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "consumer_handled_total", Help: "Messages handled."}, label),
		failuresTotal: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "consumer_failures_total", Help: "Failures, which are retried."}, label),
		handlingSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "consumer_handling_seconds", Help: "Time to handle a message, or a batch of an aggregator.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9), // 0.1 ms to 6.5 s
		}, label),
		lag:       prometheus.NewDesc("consumer_lag_messages", "Messages between the position and the head of the log.", label, nil),
		age:       prometheus.NewDesc("consumer_position_age_seconds", "Time since the position moved or was confirmed.", label, nil),
		positions: map[string]int64{},
		confirmed: map[string]time.Time{},
	}
	registry.MustRegister(m, m.handledTotal, m.failuresTotal, m.handlingSeconds)
	return m
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.lag
	out <- m.age
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	status, err := m.store.Status(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, position := range m.positions {
		out <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, time.Since(m.confirmed[id]).Seconds(), id)
		if err == nil {
			lag := max(0, status.Head.Position-position)
			out <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, float64(lag), id)
		}
	}
}

func (m *Metrics) handled(id string, messages int, took time.Duration) {
	m.handledTotal.WithLabelValues(id).Add(float64(messages))
	m.handlingSeconds.WithLabelValues(id).Observe(took.Seconds())
}

func (m *Metrics) failed(id string) {
	m.failuresTotal.WithLabelValues(id).Inc()
}

// placed records where the consumer subscribes. Only the first time confirms the
// position: a failing consumer subscribes again and again.
func (m *Metrics) placed(id string, place messagestore.Place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.positions[id] = place.Position
	if _, ok := m.confirmed[id]; !ok {
		m.confirmed[id] = time.Now()
	}
}

// moved records that everything up to the place is handled or skipped.
func (m *Metrics) moved(id string, place messagestore.Place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.positions[id], m.confirmed[id] = place.Position, time.Now()
}
