package videopublishing

import (
	"context"
	"strconv"
	"strings"
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
