package videopublishing

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Metrics show the progress of a transcode at once, the log once in a period.
func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		metrics := NewMetrics(prometheus.NewRegistry())
		p := publishing{Publisher: Publisher{Log: slog.New(slog.NewTextHandler(&logged, nil))}}
		report, end := metrics.transcode(id)
		onLine := p.onProgress(t.Context(), id, 2000*time.Second, report)
		expect := func(progress, running float64) {
			t.Helper()
			if got := testutil.ToFloat64(metrics.progress.WithLabelValues(id)); got != progress {
				t.Errorf("progress %v, want %v", got, progress)
			}
			if got := testutil.ToFloat64(metrics.running); got != running {
				t.Errorf("%v running, want %v", got, running)
			}
		}
		expect(0, 1)
		for _, line := range []string{"frame=1", "out_time_us=N/A", "out_time_us=-5", "out_time_us=500000000", "progress=continue"} {
			onLine(line)
		}
		expect(0.25, 1)
		onLine("out_time_us=900000000")
		if logged.Len() > 0 {
			t.Errorf("logged %q before the period ended", &logged)
		}
		time.Sleep(logPeriod)
		onLine("out_time_us=1000000000")
		if !strings.Contains(logged.String(), "percent=50") || !strings.Contains(logged.String(), id) {
			t.Errorf("logged %q, want 50 percent", &logged)
		}
		onLine("out_time_us=3000000000")
		expect(1, 1)
		end()
		expect(0, 0)
	})
}
