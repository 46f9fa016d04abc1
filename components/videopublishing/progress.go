package videopublishing

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

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
		if time.Since(logged) >= p.logPeriod {
			logged = time.Now()
			p.Log.InfoContext(ctx, "transcoding", "video", videoID, "percent", int(100*done))
		}
	}
}

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
