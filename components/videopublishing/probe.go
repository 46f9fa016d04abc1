package videopublishing

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// formats maps the accepted containers, by their ffprobe names, to media types. Playlists and
// other formats that refer to other files are not accepted, nor formats that are text.
var formats = map[string]string{
	"mov": "video/mp4", "matroska": "video/x-matroska", "avi": "video/x-msvideo", "mpegts": "video/mp2t",
	"mpeg": "video/mpeg", "ogg": "video/ogg", "flv": "video/x-flv", "asf": "video/x-ms-asf",
}

// confined returns the options that keep a program from reading any other file.
func confined() []string {
	return []string{"-protocol_whitelist", "file", "-format_whitelist", "mov,matroska,avi,mpegts,mpeg,ogg,flv,asf"}
}

const (
	probeTimeout = 2 * time.Minute
	// A small file can contain a picture that fills the memory, or a video that takes days
	// to transcode.
	maxPixels   = 8192 * 4352
	maxDuration = 12 * time.Hour
)

// A content describes the content of a file.
type content struct {
	contentType string
	// format is the ffprobe name of the container, "" without ffprobe.
	format   string
	duration time.Duration
	video    stream
	// audio has no codec if there is no audio stream.
	audio stream
	// encode forbids copying streams.
	encode bool
}

// A stream is a stream in a file, in the JSON of ffprobe.
type stream struct {
	Index       int    `json:"index"`
	Type        string `json:"codec_type"`
	Codec       string `json:"codec_name"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	Pixels      string `json:"pix_fmt"`
	Duration    string `json:"duration"`
	Disposition struct {
		AttachedPic int `json:"attached_pic"`
	} `json:"disposition"`
}

// moving reports whether the stream is a video, and not an embedded cover picture.
func (s stream) moving() bool {
	return s.Type == "video" && s.Disposition.AttachedPic == 0 && s.Width > 0 && s.Height > 0
}

// inspect returns the content of a file, or a failure if it is not an acceptable video.
func (t Tools) inspect(ctx context.Context, path string) (content, error) {
	sniffed, err := sniff(path)
	var known *failure
	if t.ffprobe == "" || err != nil && !errors.As(err, &known) {
		return sniffed, err
	}
	found, err := t.probe(ctx, path)
	if sniffed.contentType != "" {
		found.contentType = sniffed.contentType // ffprobe does not distinguish WebM and QuickTime
	}
	switch {
	case exited(err):
		return content{}, reject(notAVideo, err, "the file is not a video of a format that is known")
	case err != nil:
		return content{}, err
	case found.video.Codec == "":
		return content{}, reject(notAVideo, nil, "the file has no moving pictures")
	case found.duration <= 0:
		return content{}, reject(notAVideo, nil, "the file has not more than one picture")
	case found.duration > maxDuration:
		return content{}, reject(tooLarge, nil, "the video lasts longer than %v", maxDuration)
	case found.video.Width*found.video.Height > maxPixels:
		return content{}, reject(tooLarge, nil, "the video's pictures have more than %d pixels", maxPixels)
	}
	return found, nil
}

// probe returns the content of a file according to ffprobe.
func (t Tools) probe(ctx context.Context, path string) (found content, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var text strings.Builder
	args := append([]string{"-v", "error", "-hide_banner"}, confined()...)
	args = append(args, "-max_pixels", strconv.Itoa(maxPixels), "-of", "json",
		"-show_entries", "format=format_name,duration:stream=index,codec_type,codec_name,width,height,pix_fmt,duration:stream_disposition=attached_pic",
		"-i", "file:"+path)
	if err := run(ctx, t.ffprobe, args, func(line string) { text.WriteString(line) }); err != nil {
		return found, err
	}
	var output struct {
		Format struct {
			Name     string `json:"format_name"`
			Duration string `json:"duration"`
		} `json:"format"`
		Streams []stream `json:"streams"`
	}
	if err := json.Unmarshal([]byte(text.String()), &output); err != nil {
		return found, err
	}
	for _, s := range output.Streams {
		switch {
		case s.moving() && found.video.Codec == "":
			found.video = s
		case s.Type == "audio" && found.audio.Codec == "":
			found.audio = s
		}
	}
	found.format, _, _ = strings.Cut(output.Format.Name, ",")
	found.contentType = formats[found.format]
	found.duration = seconds(output.Format.Duration)
	if found.duration <= 0 && found.video.Codec != "" {
		var last map[int]time.Duration
		last, err = t.measure(ctx, path)
		found.duration = last[found.video.Index]
	}
	return found, err
}

// allStreams is the key of the last packet of all streams.
const allStreams = -1

// measure returns the time of the last packet of each stream, by index. Files that browsers
// record do not contain their duration.
func (t Tools) measure(ctx context.Context, path string) (last map[int]time.Duration, err error) {
	last = map[int]time.Duration{}
	args := append([]string{"-v", "error", "-hide_banner"}, confined()...)
	args = append(args, "-of", "csv=p=0", "-show_entries", "packet=stream_index,pts_time", "-i", "file:"+path)
	err = run(ctx, t.ffprobe, args, func(line string) {
		index, text, _ := strings.Cut(line, ",")
		stream, err := strconv.Atoi(index)
		if err != nil {
			return
		}
		at := seconds(strings.TrimRight(text, ","))
		last[stream], last[allStreams] = max(last[stream], at), max(last[allStreams], at)
	})
	return last, err
}

// seconds parses a number of seconds. It returns 0 if the text is not a positive number.
func seconds(text string) time.Duration {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0 && n < 1e9) { // also false for NaN
		return 0
	}
	return time.Duration(n * float64(time.Second))
}
