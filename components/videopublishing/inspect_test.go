package videopublishing

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Real files are recognized with ffprobe, and by their first bytes.
func TestInspect(t *testing.T) {
	t.Parallel()
	still := []string{"-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=2", "-frames:v", "1"}
	encoded := func(file string, args ...string) string { return sample(t, file, slices.Concat(picture, args)...) }
	for name, test := range map[string]struct {
		path, contentType string
		// code is the failure with ffprobe, byBytes without; "" for a video.
		code, byBytes string
	}{
		"MP4":       {mp4(t), "video/mp4", "", ""},
		"Fragments": {encoded("a.mp4", "-movflags", "frag_keyframe+empty_moov"), "video/mp4", "", ""},
		"QuickTime": {encoded("a.mov", "-c:v", "mpeg4"), "video/quicktime", "", ""},
		"WebM":      {webm(t), "video/webm", "", ""},
		"Matroska":  {encoded("a.mkv"), "video/x-matroska", "", ""},
		"AVI":       {encoded("a.avi", "-c:v", "mpeg4"), "video/x-msvideo", "", ""},
		"MPEGTS":    {encoded("a.ts", "-c:v", "mpeg2video"), "video/mp2t", "", ""},
		"MPEG":      {encoded("a.mpg", "-r", "25"), "video/mpeg", "", ""},
		"Ogg":       {encoded("a.ogv", "-c:v", "libtheora"), "video/ogg", "", ""},
		"FLV":       {encoded("a.flv"), "video/x-flv", "", ""},
		"WMV":       {encoded("a.wmv"), "video/x-ms-asf", "", ""},
		"Live":      {encoded("a.webm", "-c:v", "libvpx", "-live", "1"), "video/webm", "", ""},
		"OneFrame":  {sample(t, "a.png", still...), "", notAVideo, notAVideo},
		"MP3":       {sample(t, "a.mp3", sound...), "", notAVideo, notAVideo},
		"M4A":       {sample(t, "a.m4a", sound...), "", notAVideo, notAVideo},
		"OggSound":  {sample(t, "a.ogg", append(slices.Clone(sound), "-c:a", "libvorbis")...), "", notAVideo, notAVideo},
		"Text":      {file(t, "a.mp4", strings.Repeat("this is no video\n", 100)), "", notAVideo, notAVideo},
		"Empty":     {file(t, "a.mp4", ""), "", notAVideo, notAVideo},
		"SixBytes":  {file(t, "a.mp4", "RIFF\x00\x00"), "", notAVideo, notAVideo},
		"BoxOfNone": {file(t, "a.mp4", "\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x00free"), "", notAVideo, notAVideo},
		"HugeBox":   {file(t, "a.mp4", "\x00\x00\x00\x01ftypisom\xff\xff\xff\xff\xff\xff\xff\xff"), "", notAVideo, notAVideo},
		"NoIndex":   {half(t, mp4(t)), "", notAVideo, notAVideo},
		"Script":    {file(t, "a.html", "<script>alert(1)</script>"), "", notAVideo, notAVideo},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for tools, code := range map[Tools]string{found(t): test.code, {}: test.byBytes} {
				got, err := tools.inspect(t.Context(), test.path)
				expect(t, err, code, 1)
				if test.contentType != "" && got.contentType != test.contentType {
					t.Errorf("with %+v it is %q, want %q", tools, got.contentType, test.contentType)
				}
				if err == nil && tools.ffprobe != "" && (got.duration < 1800*time.Millisecond || got.duration > 2300*time.Millisecond) {
					t.Errorf("it lasts %v, want 2 s", got.duration)
				}
			}
		})
	}
}

// half makes a file with the first half of another.
func half(t *testing.T, path string) string {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, filepath.Base(path), string(whole[:len(whole)/2]))
}

// Playlists of all formats that refer to an existing video are not accepted.
func TestInspect_OtherFiles(t *testing.T) {
	t.Parallel()
	video := sample(t, "secret.ts", slices.Concat(picture, []string{"-c:v", "mpeg2video"})...)
	for name, text := range map[string]string{
		"HLS":         "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n" + video + "\n#EXT-X-ENDLIST\n",
		"HLSPassword": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
		"Concat":      "ffconcat version 1.0\nfile '" + video + "'\n",
		"SDP":         "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
		"DASH":        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT2S\"><Period><AdaptationSet mimeType=\"video/mp2t\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>" + video + "</BaseURL></Representation></AdaptationSet></Period></MPD>",
	} {
		path := file(t, "a.mp4", text)
		_, err := found(t).inspect(t.Context(), path)
		expect(t, err, notAVideo, 1)
		// Even if ffprobe accepted it, ffmpeg would not read it.
		p := publishing{Publisher: publisher(t)}
		for _, format := range []string{"hls", "concat", "sdp", "dash"} {
			err := p.convert(t.Context(), path, content{format: format}, filepath.Join(t.TempDir(), "out.mp4"), func(string) {})
			if !exited(err) {
				t.Errorf("%s as %s: error %v, want an error of ffmpeg", name, format, err)
			}
		}
	}
}

// The search for the moov box ends after a number of boxes.
func TestSniff_ManyBoxes(t *testing.T) {
	t.Parallel()
	text := "\x00\x00\x00\x10ftypisom\x00\x00\x02\x00" + strings.Repeat("\x00\x00\x00\x08free", 1<<20)
	_, err := sniff(file(t, "a.mp4", text+"\x00\x00\x00\x20moov\x00\x00\x00\x18trakvide"))
	expect(t, err, notAVideo, 1)
}

func TestInspect_Unreadable(t *testing.T) {
	t.Parallel()
	for _, tools := range []Tools{found(t), {}, {ffprobe: "/nowhere/ffprobe"}} {
		path := filepath.Join(t.TempDir(), "missing")
		_, err := tools.inspect(t.Context(), path)
		var known *failure
		if !errors.Is(err, fs.ErrNotExist) || errors.As(err, &known) {
			t.Errorf("%+v: error %v, want an error of this machine", tools, err)
		}
	}
	// The failure of a program that cannot be run, or is killed, is not one of the file.
	for _, text := range []string{"exit 127", "kill -9 $$", "kill -15 $$"} {
		_, err := Tools{ffprobe: script(t, text)}.inspect(t.Context(), mp4(t))
		var known *failure
		if err == nil || errors.As(err, &known) {
			t.Errorf("%q: error %v, want an error of this machine", text, err)
		}
	}
}
