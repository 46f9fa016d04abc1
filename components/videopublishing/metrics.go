package videopublishing

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures the publishing of a process:
//
//	videopublishing_transcodes_running    transcodes that are made now
//	videopublishing_transcode_progress    how much of each of them is done, from 0 to 1
//	videopublishing_transcode_seconds     how long they take
//	videopublishing_attempts_total        attempts by what came of them: PUBLISHED, or a failure's code
//
// A nil *Metrics measures nothing.
type Metrics struct {
	running  prometheus.Gauge
	done     *prometheus.GaugeVec
	duration prometheus.Histogram
	attempts *prometheus.CounterVec
}

// NewMetrics returns the metrics, and registers them. It panics if they are
// registered already.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		running:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "videopublishing_transcodes_running", Help: "Transcodes that are made now."}),
		done:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "videopublishing_transcode_progress", Help: "How much of a transcode that is made now is done, from 0 to 1."}, []string{"video"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "videopublishing_transcode_seconds", Help: "Time of a transcode.", Buckets: prometheus.ExponentialBuckets(0.25, 4, 9)}), // to 4.5 h
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "videopublishing_attempts_total", Help: "Attempts, by what came of them."}, []string{"code"}),
	}
	registry.MustRegister(m.running, m.done, m.duration, m.attempts)
	return m
}

// result counts an attempt.
func (m *Metrics) result(err error) {
	if m == nil {
		return
	}
	code := "PUBLISHED"
	var known *failure
	switch {
	case errors.As(err, &known):
		code = known.code
	case err != nil:
		code = failed
	}
	m.attempts.WithLabelValues(code).Inc()
}

// begin says that a transcode begins, progress how much of it is done, and end
// that it has ended.
func (m *Metrics) begin(videoID string) {
	if m == nil {
		return
	}
	m.running.Inc()
	m.progress(videoID, 0)
}

func (m *Metrics) progress(videoID string, done float64) {
	if m != nil {
		m.done.WithLabelValues(videoID).Set(done)
	}
}

func (m *Metrics) end(videoID string, took time.Duration) {
	if m == nil {
		return
	}
	m.running.Dec()
	m.done.DeleteLabelValues(videoID)
	m.duration.Observe(took.Seconds())
}
