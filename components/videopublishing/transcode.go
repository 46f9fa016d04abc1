package videopublishing

import (
	"context"
	"os"
	"strconv"
	"time"

	"videotutorials/internal/media"
)

// A result is what is published of a source.
type result struct {
	path, contentType string
	transcoded        bool
	// poster is the path of an image; "" for none.
	poster string
}

// transcode makes what every browser plays: H.264 and AAC in an MP4 whose index
// stands first. Where there is no ffmpeg it is the source as it is.
func (p publishing) transcode(ctx context.Context, videoID, path string, found content, scratch *media.Scratch) (result, error) {
	if p.Tools.ffmpeg == "" {
		return result{path: path, contentType: found.contentType}, nil
	}
	w := p.watch(ctx, videoID, found.duration)
	defer w.end()
	out := scratch.Path("video.mp4")
	err := p.convert(ctx, path, found, out, w)
	if own(err) && found.copyable() {
		found.encode = true // what cannot be copied may be encoded again
		err = p.convert(ctx, path, found, out, w)
	}
	switch {
	case own(err):
		return result{}, broken(err, "the video cannot be read to its end: the file is damaged, or of a kind that is not known")
	case err != nil:
		return result{}, err
	}
	if err := p.verify(ctx, path, found, out); err != nil {
		return result{}, err
	}
	poster, err := p.poster(ctx, out, scratch.Path("poster.jpg"), found.duration)
	return result{out, formats["mov"], true, poster}, err
}

// convert writes the MP4. The streams that are as they should be are copied.
func (p publishing) convert(ctx context.Context, path string, found content, out string, w *watch) error {
	args := append(quiet(), confined()...)
	args = append(args, "-threads", "1", "-max_pixels", strconv.Itoa(maxPixels), "-f", found.format, "-i", "file:"+path,
		"-map", "0:"+strconv.Itoa(found.video.Index))
	args = append(args, found.videoCodec()...)
	if found.audio.Codec != "" {
		args = append(args, "-map", "0:"+strconv.Itoa(found.audio.Index))
		args = append(args, found.audioCodec()...)
	}
	// The metadata can say where a video was taken.
	args = append(args, "-map_metadata", "-1", "-map_chapters", "-1", "-max_muxing_queue_size", "4096",
		"-fs", strconv.FormatInt(largest*p.MaxSource, 10), "-movflags", "+faststart", "-progress", "pipe:1", "-stats_period", "1", "-nostats", "-f", "mp4", "file:"+out)
	return p.inRoom(ctx, func(ctx context.Context) error { return run(ctx, p.Tools.ffmpeg, args, w.line) })
}

// largest is how many times as large as a source may be a video may become: what
// would be larger is cut off, and is not published.
const largest = 4

// quiet are the options with which ffmpeg asks nothing and says what is wrong
// alone. One thread each: as many run as there are processors.
func quiet() []string {
	return []string{"-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-filter_threads", "1"}
}

// shrink makes an image fit into 1080p, upright or not, with even sides.
const shrink = `scale=w='max(2,trunc(iw*min(1,min(1920/max(iw,ih),1080/min(iw,ih)))/2)*2)'` +
	`:h='max(2,trunc(ih*min(1,min(1920/max(iw,ih),1080/min(iw,ih)))/2)*2)'`

func (c content) videoCodec() []string {
	if c.copyable() {
		return []string{"-c:v", "copy"}
	}
	return []string{
		"-c:v", h264Encoder, "-preset", "veryfast", "-crf", "23", "-profile:v", "high", "-threads", "1",
		"-vf", shrink + ",format=yuv420p",
		// A picture that stays for an hour is one, and not as many as fit in it.
		"-fps_mode", "vfr",
	}
}

func (c content) audioCodec() []string {
	if c.audio.Codec == "aac" && c.timed() && !c.encode {
		return []string{"-c:a", "copy"}
	}
	return []string{"-c:a", aacEncoder, "-b:a", "128k", "-ac", "2"}
}

// copyable reports whether the video is as it should be.
func (c content) copyable() bool {
	v := c.video
	long, short := max(v.Width, v.Height), min(v.Width, v.Height)
	return v.Codec == "h264" && v.Pixels == "yuv420p" && long <= 1920 && short <= 1080 &&
		v.Width%2 == 0 && v.Height%2 == 0 && c.timed() && !c.encode
}

// timed reports whether the container says when each picture is to be shown.
func (c content) timed() bool {
	return c.format == "mov" || c.format == "matroska" || c.format == "flv" || c.format == "mpegts"
}

// verify looks at what was made: ffmpeg is content with a file that breaks off.
func (p publishing) verify(ctx context.Context, path string, found content, out string) error {
	made, err := p.Tools.probe(ctx, out)
	if err != nil && !own(err) {
		return err
	}
	if err != nil || made.video.Codec != "h264" {
		return broken(err, "nothing to watch could be made of the video")
	}
	if !found.declares() || reaches(made.length(), found.length()) {
		return nil
	}
	// Where a picture stays for long, the file's own word is too short.
	last, err := p.Tools.measure(ctx, out)
	if err != nil {
		return err
	}
	if made.duration = last[made.video.Index]; reaches(made.duration, found.length()) {
		return nil
	}
	if found.format == "matroska" { // it says how long the whole is, not the pictures
		last, err := p.Tools.measure(ctx, path)
		switch {
		case err != nil && !own(err):
			return err
		case err == nil && reaches(last[everything], found.duration) && reaches(made.duration, last[found.video.Index]):
			return nil
		}
	}
	return broken(nil, "the video breaks off after %v of %v: the file is not whole",
		made.duration.Round(time.Second), found.length().Round(time.Second))
}

// reaches reports whether what has come to its end at that time is as long as it
// should be, nearly.
func reaches(end, length time.Duration) bool { return end >= length*9/10-time.Second/2 }

// declares reports whether the container says how long the video is; others are
// guessed.
func (c content) declares() bool { return c.format == "mov" || c.format == "matroska" }

// length is how long there are pictures: a sound may go on.
func (c content) length() time.Duration {
	if own := seconds(c.video.Duration); own > 0 {
		return own
	}
	return c.duration
}

// poster makes an image of the video and returns its path, or "" if there is
// none: the video can be watched without.
func (p publishing) poster(ctx context.Context, video, path string, duration time.Duration) (string, error) {
	// The first ones are often black. Behind the last one there is none, and ffmpeg
	// is content.
	for _, at := range []time.Duration{min(duration/10, 10*time.Second), 0} {
		args := append(quiet(), confined()...)
		args = append(args, "-ss", strconv.FormatFloat(at.Seconds(), 'f', 3, 64), "-threads", "1", "-f", "mov", "-i", "file:"+video,
			"-an", "-frames:v", "1", "-vf", "scale='min(1280,iw)':-2", "-pix_fmt", "yuvj420p", "-threads", "1", "-q:v", "4",
			"-update", "1", "-f", "image2", "file:"+path)
		err := run(ctx, p.Tools.ffmpeg, args, func(string) {})
		if err != nil && !own(err) {
			return "", err
		}
		if err == nil {
			_, err = os.Stat(path)
		}
		if err == nil {
			return path, nil
		}
		p.Log.WarnContext(ctx, "a video has no poster", "at", at, "error", err)
	}
	return "", nil
}
