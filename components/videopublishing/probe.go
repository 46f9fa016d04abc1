package videopublishing

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// formats are the containers that are taken, by the names of ffprobe, and what
// their videos are for browsers. None of them leads to other files, as playlists
// do, and none is guessed from text.
var formats = map[string]string{
	"mov": "video/mp4", "matroska": "video/x-matroska", "avi": "video/x-msvideo", "mpegts": "video/mp2t",
	"mpeg": "video/mpeg", "ogg": "video/ogg", "flv": "video/x-flv", "asf": "video/x-ms-asf",
}

// confined are the options with which a program reads the file, and no other.
func confined() []string {
	return []string{"-protocol_whitelist", "file", "-format_whitelist", "mov,matroska,avi,mpegts,mpeg,ogg,flv,asf"}
}

const (
	// probeTimeout bounds a look at a file.
	probeTimeout = 2 * time.Minute
	// maxPixels bounds an image, and maxDuration a video: a small file can hold
	// one that fills the memory, or takes for ever.
	maxPixels   = 8192 * 4352
	maxDuration = 12 * time.Hour
)

// A content is what a file is.
type content struct {
	contentType string
	// format is ffprobe's name of the container; "" where it was not asked.
	format   string
	duration time.Duration
	video    stream
	// audio has no codec where there is none.
	audio stream
	// encode says that nothing is to be copied.
	encode bool
}

// A stream is one of a file, as ffprobe prints it.
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

func (s stream) moves() bool {
	return s.Type == "video" && s.Disposition.AttachedPic == 0 && s.Width > 0 && s.Height > 0
}

// inspect returns what the file is. Its error is NOT_A_VIDEO where it is none.
func (t Tools) inspect(ctx context.Context, path string) (content, error) {
	sniffed, err := sniff(path)
	var no *failure
	if t.ffprobe == "" || err != nil && !errors.As(err, &no) {
		return sniffed, err
	}
	found, err := t.probe(ctx, path)
	if sniffed.contentType != "" {
		found.contentType = sniffed.contentType // it tells WebM and QuickTime, too
	}
	switch {
	case own(err):
		return content{}, refuse(notAVideo, err, "the file is not a video of a format that is known")
	case err != nil:
		return content{}, err
	case found.video.Codec == "":
		return content{}, refuse(notAVideo, nil, "the file has no moving pictures")
	case found.duration <= 0:
		return content{}, refuse(notAVideo, nil, "the file has not more than one picture")
	case found.duration > maxDuration:
		return content{}, refuse(tooLarge, nil, "the video lasts longer than %v", maxDuration)
	case found.video.Width*found.video.Height > maxPixels:
		return content{}, refuse(tooLarge, nil, "the video's pictures have more than %d pixels", maxPixels)
	}
	return found, nil
}

// probe asks ffprobe what the file is.
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
	var said struct {
		Format struct {
			Name     string `json:"format_name"`
			Duration string `json:"duration"`
		} `json:"format"`
		Streams []stream `json:"streams"`
	}
	if err := json.Unmarshal([]byte(text.String()), &said); err != nil {
		return found, err
	}
	for _, s := range said.Streams {
		switch {
		case s.moves() && found.video.Codec == "":
			found.video = s
		case s.Type == "audio" && found.audio.Codec == "":
			found.audio = s
		}
	}
	found.format, _, _ = strings.Cut(said.Format.Name, ",")
	found.contentType = formats[found.format]
	found.duration = seconds(said.Format.Duration)
	if found.duration <= 0 && found.video.Codec != "" {
		var last map[int]time.Duration
		last, err = t.measure(ctx, path)
		found.duration = last[found.video.Index]
	}
	return found, err
}

// everything stands, beside the indexes of the streams, for all of them.
const everything = -1

// measure returns the time of the last packet of each stream: what browsers record
// does not say how long it is.
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
		last[stream], last[everything] = max(last[stream], at), max(last[everything], at)
	})
	return last, err
}

// seconds returns the time of that many seconds; 0 for what is no number.
func seconds(text string) time.Duration {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0 && n < 1e9) { // not a number is no more
		return 0
	}
	return time.Duration(n * float64(time.Second))
}
