package videopublishing

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"videotutorials/internal/media"
)

// A result is the files to publish.
type result struct {
	path, contentType string
	transcoded        bool
	// poster is the path of an image, "" if there is none.
	poster string
}

// transcode makes a file that every browser plays: an MP4 with H.264 and AAC whose index
// comes first. Without ffmpeg it returns the source as it is.
func (p publishing) transcode(ctx context.Context, videoID, path string, found content, scratch *media.Scratch) (result, error) {
	if p.Tools.ffmpeg == "" {
		return result{path: path, contentType: found.contentType}, nil
	}
	report, end := p.Metrics.transcode(videoID)
	defer end()
	onLine := p.onProgress(ctx, videoID, found.duration, report)
	out := scratch.Path("video.mp4")
	err := p.convert(ctx, path, found, out, onLine)
	if exited(err) && found.copyable() {
		found.encode = true // a stream that cannot be copied may still be decoded
		err = p.convert(ctx, path, found, out, onLine)
	}
	switch {
	case exited(err):
		return result{}, unreadable(err, "the video cannot be read to its end: the file is damaged, or of a kind that is not known")
	case err != nil:
		return result{}, err
	}
	if err := p.verify(ctx, path, found, out); err != nil {
		return result{}, err
	}
	poster, err := p.poster(ctx, out, scratch.Path("poster.jpg"), found.duration)
	return result{out, formats["mov"], true, poster}, err
}

// convert writes the MP4. It copies streams that already have the right format.
func (p publishing) convert(ctx context.Context, path string, found content, out string, onLine func(string)) error {
	args := append(quiet(), "-threads", "1", "-max_pixels", strconv.Itoa(maxPixels), "-f", found.format, "-i", "file:"+path,
		"-map", "0:"+strconv.Itoa(found.video.Index))
	args = append(args, found.videoCodec()...)
	if found.audio.Codec != "" {
		args = append(args, "-map", "0:"+strconv.Itoa(found.audio.Index))
		args = append(args, found.audioCodec()...)
	}
	// The metadata may contain the place where a video was taken.
	args = append(args, "-map_metadata", "-1", "-map_chapters", "-1", "-max_muxing_queue_size", "4096",
		"-fs", strconv.FormatInt(maxGrowth*p.MaxSource, 10), "-movflags", "+faststart", "-progress", "pipe:1", "-stats_period", "1", "-nostats", "-f", "mp4", "file:"+out)
	return p.whileSpace(ctx, func(ctx context.Context) error { return run(ctx, p.Tools.ffmpeg, args, onLine) })
}

// maxGrowth limits the size of a transcode, as a multiple of the maximum size of a source.
// ffmpeg cuts off a larger file, which then fails the verification.
const maxGrowth = 4

// quiet returns the options with which ffmpeg reads no other file, asks no questions and
// prints errors only. Each ffmpeg uses one thread, since as many run as there are processors.
func quiet() []string {
	return append([]string{"-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-filter_threads", "1"}, confined()...)
}

// shrink is a filter that fits a picture into 1080p, upright or not, with even sides.
const shrink = `scale=w='max(2,trunc(iw*min(1,min(1920/max(iw,ih),1080/min(iw,ih)))/2)*2)'` +
	`:h='max(2,trunc(ih*min(1,min(1920/max(iw,ih),1080/min(iw,ih)))/2)*2)'`

func (c content) videoCodec() []string {
	if c.copyable() {
		return []string{"-c:v", "copy"}
	}
	return []string{
		"-c:v", h264Encoder, "-preset", "veryfast", "-crf", "23", "-profile:v", "high", "-threads", "1",
		"-vf", shrink + ",format=yuv420p",
		// A picture that is shown for an hour must stay one picture.
		"-fps_mode", "vfr",
	}
}

func (c content) audioCodec() []string {
	if c.audio.Codec == "aac" && c.timed() && !c.encode {
		return []string{"-c:a", "copy"}
	}
	return []string{"-c:a", aacEncoder, "-b:a", "128k", "-ac", "2"}
}

// copyable reports whether the video stream can be copied.
func (c content) copyable() bool {
	v := c.video
	long, short := max(v.Width, v.Height), min(v.Width, v.Height)
	return v.Codec == "h264" && v.Pixels == "yuv420p" && long <= 1920 && short <= 1080 &&
		v.Width%2 == 0 && v.Height%2 == 0 && c.timed() && !c.encode
}

// timed reports whether the container has a time for each picture.
func (c content) timed() bool {
	return slices.Contains([]string{"mov", "matroska", "flv", "mpegts"}, c.format)
}

// verify checks that the whole video was transcoded: ffmpeg succeeds even if the source is
// truncated.
func (p publishing) verify(ctx context.Context, path string, found content, out string) error {
	made, err := p.Tools.probe(ctx, out)
	if err != nil && !exited(err) {
		return err
	}
	if err != nil || made.video.Codec != "h264" {
		return unreadable(err, "nothing to watch could be made of the video")
	}
	hasDuration := found.format == "mov" || found.format == "matroska" // others are estimates
	if !hasDuration || reaches(made.length(), found.length()) {
		return nil
	}
	// If a picture is shown for long, the declared duration is too short.
	last, err := p.Tools.measure(ctx, out)
	if err != nil {
		return err
	}
	if made.duration = last[made.video.Index]; reaches(made.duration, found.length()) {
		return nil
	}
	if found.format == "matroska" { // its duration is that of all streams together
		last, err := p.Tools.measure(ctx, path)
		switch {
		case err != nil && !exited(err):
			return err
		case err == nil && reaches(last[allStreams], found.duration) && reaches(made.duration, last[found.video.Index]):
			return nil
		}
	}
	return unreadable(nil, "the video breaks off after %v of %v: the file is not whole",
		made.duration.Round(time.Second), found.length().Round(time.Second))
}

// reaches reports whether a stream that ends at the time has nearly the length.
func reaches(end, length time.Duration) bool { return end >= length*9/10-time.Second/2 }

// length returns the duration of the video stream. The sound may be longer.
func (c content) length() time.Duration {
	if own := seconds(c.video.Duration); own > 0 {
		return own
	}
	return c.duration
}

// poster makes an image of the video and returns its path, or "" if that fails: the video
// can be watched without.
func (p publishing) poster(ctx context.Context, video, path string, duration time.Duration) (string, error) {
	// The first pictures are often black. After the last picture ffmpeg writes no image, and
	// succeeds.
	for _, at := range []time.Duration{min(duration/10, 10*time.Second), 0} {
		args := append(quiet(), "-ss", strconv.FormatFloat(at.Seconds(), 'f', 3, 64), "-threads", "1", "-f", "mov", "-i", "file:"+video,
			"-an", "-frames:v", "1", "-vf", "scale='min(1280,iw)':-2", "-pix_fmt", "yuvj420p", "-threads", "1", "-q:v", "4",
			"-update", "1", "-f", "image2", "file:"+path)
		err := run(ctx, p.Tools.ffmpeg, args, func(string) {})
		if err != nil && !exited(err) {
			return "", err
		}
		if err == nil {
			_, err = os.Stat(path)
		}
		if err == nil {
			return path, nil
		}
		p.Log.WarnContext(ctx, "poster not made", "error", err)
	}
	return "", nil
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
	polling.Go(func() {
		ticker := time.NewTicker(spaceInterval)
		defer ticker.Stop()
		for limited.Err() == nil {
			if err := p.Media.CheckSpace(0); err != nil {
				cancel(err)
			}
			select {
			case <-ticker.C:
			case <-limited.Done():
			}
		}
	})
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
