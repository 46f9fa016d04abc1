package videopublishing

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
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
	progress *prometheus.GaugeVec
	duration prometheus.Histogram
	attempts *prometheus.CounterVec
}

// NewMetrics returns Metrics that are registered with the registry. It panics if they are
// registered already.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	with := promauto.With(registry)
	return &Metrics{
		running:  with.NewGauge(prometheus.GaugeOpts{Name: "videopublishing_transcodes_running", Help: "Transcodes that are running."}),
		progress: with.NewGaugeVec(prometheus.GaugeOpts{Name: "videopublishing_transcode_progress", Help: "Progress of a running transcode, from 0 to 1."}, []string{"video"}),
		duration: with.NewHistogram(prometheus.HistogramOpts{
			Name: "videopublishing_transcode_seconds", Help: "Duration of a transcode.", Buckets: prometheus.ExponentialBuckets(0.25, 4, 9), // to 4.5 h
		}),
		attempts: with.NewCounterVec(prometheus.CounterOpts{Name: "videopublishing_attempts_total", Help: "Attempts by result."}, []string{"code"}),
	}
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

// transcode records the start of a transcode. The caller reports its progress, from 0 to 1,
// and its end.
func (m *Metrics) transcode(videoID string) (progress func(float64), end func()) {
	if m == nil {
		return func(float64) {}, func() {}
	}
	began, gauge := time.Now(), m.progress.WithLabelValues(videoID)
	m.running.Inc()
	gauge.Set(0)
	return gauge.Set, func() {
		m.running.Dec()
		m.progress.DeleteLabelValues(videoID)
		m.duration.Observe(time.Since(began).Seconds())
	}
}

// logPeriod is the time between two logs of the progress of a transcode.
const logPeriod = 10 * time.Second

// onProgress returns a function for the lines of ffmpeg's -progress output. It passes the
// progress, from 0 to 1, to report, and logs it once in a logPeriod.
func (p publishing) onProgress(ctx context.Context, videoID string, duration time.Duration, report func(float64)) func(line string) {
	logged := time.Now()
	return func(line string) {
		value, ok := strings.CutPrefix(line, "out_time_us=")
		us, err := strconv.ParseInt(value, 10, 64) // N/A before the first picture
		if !ok || err != nil || duration <= 0 {
			return
		}
		done := min(1, float64(max(0, us))/float64(duration.Microseconds()))
		report(done)
		if time.Since(logged) >= logPeriod {
			logged = time.Now()
			p.Log.InfoContext(ctx, "transcoding", "video", videoID, "percent", int(100*done))
		}
	}
}
