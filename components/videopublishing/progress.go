package videopublishing

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A progress reports the progress of a transcode to the metrics and the log.
type progress struct {
	ctx              context.Context //nolint:containedctx // for the log
	log              *slog.Logger
	metrics          *Metrics
	videoID          string
	duration, period time.Duration
	began, logged    time.Time
}

func (p publishing) startProgress(ctx context.Context, videoID string, duration time.Duration) *progress {
	now := time.Now()
	p.Metrics.transcodeStarted(videoID)
	return &progress{ctx, p.Log, p.Metrics, videoID, duration, p.logPeriod, now, now}
}

// line parses a line of ffmpeg's progress: a key and a value.
func (p *progress) line(line string) {
	value, ok := strings.CutPrefix(line, "out_time_us=")
	if !ok || p.duration <= 0 {
		return
	}
	us, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return // N/A before the first picture
	}
	done := min(1, float64(max(0, us))/float64(p.duration.Microseconds()))
	p.metrics.transcodeProgress(p.videoID, done)
	if now := time.Now(); now.Sub(p.logged) >= p.period {
		p.logged = now
		p.log.InfoContext(p.ctx, "transcoding", "video", p.videoID, "percent", int(100*done))
	}
}

func (p *progress) end() { p.metrics.transcodeEnded(p.videoID, time.Since(p.began)) }

// spaceInterval is the interval of polls of the free disk space: too short for a program to
// write everything that is reserved, see media.Folder.CheckSpace.
const spaceInterval = 250 * time.Millisecond

// whileSpace calls do with a context that ends when the disk has too little free space. It
// returns the error of do, but if do fails when there is too little space, whatever its
// error, it returns that of CheckSpace.
func (p publishing) whileSpace(ctx context.Context, do func(context.Context) error) error {
	limited, cancel := context.WithCancelCause(ctx)
	var polling sync.WaitGroup
	polling.Go(func() { cancel(p.awaitFull(limited)) })
	err := do(limited)
	full := p.Media.CheckSpace(0)
	if limited.Err() != nil {
		full = context.Cause(limited)
	}
	cancel(nil)
	polling.Wait()
	if err == nil || ctx.Err() != nil || full == nil {
		return err
	}
	return full
}

// awaitFull returns the error of CheckSpace once it fails, or that of the context.
func (p publishing) awaitFull(ctx context.Context) error {
	ticker := time.NewTicker(spaceInterval)
	defer ticker.Stop()
	for {
		if err := p.Media.CheckSpace(0); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
