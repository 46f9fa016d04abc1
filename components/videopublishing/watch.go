package videopublishing

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// A watch tells how far a transcode is.
type watch struct {
	ctx              context.Context //nolint:containedctx // the log's
	log              *slog.Logger
	metrics          *Metrics
	videoID          string
	duration, period time.Duration
	begun, said      time.Time
}

func (p publishing) watch(ctx context.Context, videoID string, duration time.Duration) *watch {
	now := time.Now()
	p.Metrics.begin(videoID)
	return &watch{ctx, p.Log, p.Metrics, videoID, duration, p.progress, now, now}
}

// line takes a line of ffmpeg's progress: a key and a value.
func (w *watch) line(line string) {
	value, ok := strings.CutPrefix(line, "out_time_us=")
	if !ok || w.duration <= 0 {
		return
	}
	us, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return // nothing is done yet
	}
	done := min(1, float64(max(0, us))/float64(w.duration.Microseconds()))
	w.metrics.progress(w.videoID, done)
	if now := time.Now(); now.Sub(w.said) >= w.period {
		w.said = now
		w.log.InfoContext(w.ctx, "transcoding", "video", w.videoID, "percent", int(100*done))
	}
}

func (w *watch) end() { w.metrics.end(w.videoID, time.Since(w.begun)) }
