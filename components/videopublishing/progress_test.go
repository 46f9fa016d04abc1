package videopublishing

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Metrics show the progress of a transcode at once, the log once in a period.
func TestProgress(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	p := publishing{Publisher: Publisher{Log: slog.New(slog.NewTextHandler(&logged, nil)), Metrics: NewMetrics(prometheus.NewRegistry())}}
	w := p.startProgress(t.Context(), id, 2000*time.Second)
	for _, line := range []string{"frame=1", "out_time_us=N/A", "out_time_us=-5", "out_time_us=500000000", "progress=continue"} {
		w.line(line)
	}
	if got := testutil.ToFloat64(p.Metrics.done.WithLabelValues(id)); got != 0.25 {
		t.Errorf("progress %v, want 0.25", got)
	}
	if got := testutil.ToFloat64(p.Metrics.running); got != 1 {
		t.Errorf("%v running, want 1", got)
	}
	w.period = time.Hour
	logged.Reset()
	w.line("out_time_us=900000000")
	if logged.Len() > 0 {
		t.Errorf("logged %q before the period ended", &logged)
	}
	w.logged = w.logged.Add(-time.Hour)
	w.line("out_time_us=1000000000")
	if !strings.Contains(logged.String(), "percent=50") || !strings.Contains(logged.String(), id) {
		t.Errorf("logged %q, want 50 percent", &logged)
	}
	w.line("out_time_us=3000000000")
	if got := testutil.ToFloat64(p.Metrics.done.WithLabelValues(id)); got != 1 {
		t.Errorf("progress %v, want 1 at most", got)
	}
	w.end()
	if got := testutil.ToFloat64(p.Metrics.running); got != 0 {
		t.Errorf("%v running, want none", got)
	}
}
