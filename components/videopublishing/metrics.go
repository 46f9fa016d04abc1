package videopublishing

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of publishing:
//
//	videopublishing_transcodes_running    transcodes that are running
//	videopublishing_transcode_progress    progress of each of them, from 0 to 1
//	videopublishing_transcode_seconds     durations of transcodes
//	videopublishing_attempts_total        attempts by result: PUBLISHED, or the code of a failure
//
// A nil *Metrics records nothing.
type Metrics struct {
	running  prometheus.Gauge
	done     *prometheus.GaugeVec
	duration prometheus.Histogram
	attempts *prometheus.CounterVec
}

// NewMetrics returns Metrics that are registered with the registry. It panics if they are
// registered already.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "videopublishing_transcodes_running", Help: "Transcodes that are running."}),
		done:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "videopublishing_transcode_progress", Help: "Progress of a running transcode, from 0 to 1."}, []string{"video"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "videopublishing_transcode_seconds", Help: "Duration of a transcode.", Buckets: prometheus.ExponentialBuckets(0.25, 4, 9), // to 4.5 h
		}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "videopublishing_attempts_total", Help: "Attempts by result."}, []string{"code"}),
	}
	registry.MustRegister(m.running, m.done, m.duration, m.attempts)
	return m
}

// attempted counts an attempt by its result.
func (m *Metrics) attempted(err error) {
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

func (m *Metrics) transcodeStarted(videoID string) {
	if m != nil {
		m.running.Inc()
		m.transcodeProgress(videoID, 0)
	}
}

func (m *Metrics) transcodeProgress(videoID string, done float64) {
	if m != nil {
		m.done.WithLabelValues(videoID).Set(done)
	}
}

func (m *Metrics) transcodeEnded(videoID string, took time.Duration) {
	if m != nil {
		m.running.Dec()
		m.done.DeleteLabelValues(videoID)
		m.duration.Observe(took.Seconds())
	}
}
