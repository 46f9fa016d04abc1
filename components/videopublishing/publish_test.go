package videopublishing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"videotutorials/internal/media"
	"videotutorials/internal/test/teststore"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// TestPublish has real videos go from an upload to what every browser plays, with
// everything delivered twice.
func TestPublish(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"MP4":  mp4(t),
		"WebM": webm(t),
		"Large": sample(t, "large.mkv", "-f", "lavfi", "-i", "testsrc=size=2101x1401:rate=5:duration=2",
			"-c:v", "ffv1", "-pix_fmt", "yuv444p"),
		"Upright": sample(t, "upright.mkv", "-f", "lavfi", "-i", "testsrc=size=1401x2101:rate=5:duration=2", "-c:v", "ffv1"),
		"Tiny":    sample(t, "tiny.mkv", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=5:duration=2", "-vf", "format=yuv444p,crop=1:1", "-c:v", "ffv1"),
		"TenBits": sample(t, "ten.mp4", slices.Concat(picture, sound, []string{"-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-c:a", "aac"})...),
		"AVI":     sample(t, "a.avi", slices.Concat(picture, sound, []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "mp3"})...),
		"TS":      sample(t, "a.ts", slices.Concat(picture, sound, []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"})...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, p, video := teststore.New(t), publisher(t), uuid.NewString()
			p.Metrics = NewMetrics(prometheus.NewRegistry())
			start(t, faulty{Store: store, times: 2}, consumers(p, brisk()))
			source := upload(t, p.Media, ann, path)
			publish(t, store, ann, video, source)
			publish(t, store, ann, video, source)
			rename(t, store, ann, video, "Name")
			events := await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1)
			published := last[*videopublishingv1.VideoPublished](t, events)
			if published.GetOwnerId() != ann || published.GetSourceUri() != source || published.GetVideoId() != video ||
				published.GetTranscodedUri() != "/media/"+video || published.GetPosterUri() != "/media/"+video+"/poster" ||
				!published.GetTranscoded() || published.GetContentType() != "video/mp4" {
				t.Errorf("published %v", published)
			}
			watchable(t, p, video)
			empty(t, p.Media)
			if n := testutil.ToFloat64(p.Metrics.attempts.WithLabelValues("PUBLISHED")); n != 1 {
				t.Errorf("%v attempts, want 1", n)
			}
			if n := testutil.CollectAndCount(p.Metrics.done); n != 0 {
				t.Errorf("progress of %d transcodes, want none", n)
			}
		})
	}
}

// watchable checks that the video is one for browsers.
func watchable(t *testing.T, p Publisher, video string) {
	t.Helper()
	id := uuid.MustParse(video)
	f, err := p.Media.OpenVideo(id)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	made, err := found(t).probe(t.Context(), f.Name())
	v := made.video
	if err != nil || v.Codec != "h264" || v.Pixels != "yuv420p" || v.Width%2+v.Height%2 > 0 || made.audio.Codec != "aac" && made.audio.Codec != "" ||
		max(v.Width, v.Height) > 1920 || min(v.Width, v.Height) > 1080 || made.duration < 1800*time.Millisecond {
		t.Errorf("video %+v, %v", made, err)
	}
	text, err := io.ReadAll(f)
	index, pictures := bytes.Index(text, []byte("moov")), bytes.Index(text, []byte("mdat"))
	if err != nil || index < 0 || index > pictures {
		t.Errorf("index at %d, pictures at %d, %v: want the index first", index, pictures, err)
	}
	if kind := binary.BigEndian.Uint32(text[4:8]); kind != 0x66747970 {
		t.Errorf("the file begins with %x, not with ftyp", text[:12])
	}
	poster, err := p.Media.OpenPoster(id)
	if err != nil {
		t.Fatal(err)
	}
	defer poster.Close() //nolint:errcheck // it was only read
	if image, err := jpeg.Decode(poster); err != nil || image.Bounds().Dx() < 1 {
		t.Errorf("poster: %v", err)
	}
}

// empty checks that nothing is left of the work.
func empty(t *testing.T, folder *media.Folder) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(pathOf(t, folder), "tmp", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left of the work: %q, %v", left, err)
	}
}

// pathOf returns where the folder is.
func pathOf(t *testing.T, folder *media.Folder) string {
	t.Helper()
	scratch, err := folder.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	if err := scratch.Remove(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(scratch.Path(""), "..", "..")
}

// TestPublish_Copies does not encode again what is as it should be.
func TestPublish_Copies(t *testing.T) {
	t.Parallel()
	p, path := publisher(t), mp4(t)
	content, err := p.Tools.inspect(t.Context(), path)
	if err != nil || !content.copyable() || !slices.Equal(content.videoCodec(), []string{"-c:v", "copy"}) || !slices.Equal(content.audioCodec(), []string{"-c:a", "copy"}) {
		t.Errorf("%+v, %v: want it copied", content, err)
	}
	content, err = p.Tools.inspect(t.Context(), webm(t))
	if err != nil || content.copyable() || slices.Contains(content.audioCodec(), "copy") {
		t.Errorf("%+v, %v: want it encoded", content, err)
	}
}

// TestPublish_AsItIs publishes without ffmpeg, with and without ffprobe.
func TestPublish_AsItIs(t *testing.T) {
	t.Parallel()
	for name, tools := range map[string]Tools{"ByBytes": {}, "ByProbe": {ffprobe: found(t).ffprobe}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, p, video, path := teststore.New(t), publisher(t), uuid.NewString(), webm(t)
			p.Tools = tools
			start(t, store, consumers(p, brisk()))
			publish(t, store, ann, video, upload(t, p.Media, ann, path))
			events := await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1)
			want(t, events, "PublishAttempted", "VideoPublished")
			published := last[*videopublishingv1.VideoPublished](t, events)
			if published.GetTranscoded() || published.GetContentType() != "video/webm" || published.GetPosterUri() != "" {
				t.Errorf("published %v", published)
			}
			f, err := p.Media.OpenVideo(uuid.MustParse(video))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close() //nolint:errcheck // it was only read
			got, err := io.ReadAll(f)
			if original, _ := os.ReadFile(path); err != nil || !bytes.Equal(got, original) {
				t.Errorf("%d bytes are published, %v, want the %d of the source", len(got), err, len(original))
			}
		})
	}
}

// TestPublish_Fails says finally, once, and in words, why a video is not
// published.
func TestPublish_Fails(t *testing.T) {
	t.Parallel()
	broken := sample(t, "first.mp4", slices.Concat(picture, []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "1", "-movflags", "+faststart"})...)
	for name, test := range map[string]struct {
		path, code string
		attempts   int
	}{
		"Text":      {file(t, "a.mp4", "this is no video"), notAVideo, 1},
		"Empty":     {file(t, "a.mp4", ""), notAVideo, 1},
		"MP3":       {sample(t, "a.mp3", sound...), notAVideo, 1},
		"PNG":       {sample(t, "a.png", append(slices.Clone(picture), "-frames:v", "1")...), notAVideo, 1},
		"HLS":       {file(t, "a.mp4", "#EXTM3U\n#EXTINF:2,\n/etc/passwd\n#EXT-X-ENDLIST\n"), notAVideo, 1},
		"NoIndex":   {half(t, mp4(t)), notAVideo, 1},
		"BreaksOff": {half(t, broken), failed, 2},
		"Missing":   {"", unreachableSource, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, p, video := teststore.New(t), publisher(t), uuid.NewString()
			start(t, faulty{Store: store, times: 2}, consumers(p, brisk()))
			source := media.UploadURI(uuid.New())
			if test.path != "" {
				source = upload(t, p.Media, ann, test.path)
			}
			publish(t, store, ann, video, source)
			publish(t, store, ann, video, source)
			rename(t, store, ann, video, " ")
			events := await(t, store, video, (*videopublishingv1.VideoPublishingFailed)(nil), 1)
			got := last[*videopublishingv1.VideoPublishingFailed](t, events)
			if got.GetCode() != test.code || got.GetOwnerId() != ann || got.GetSourceUri() != source || got.GetVideoId() != video ||
				got.GetReason() == "" || strings.ContainsAny(got.GetReason(), "/\n") {
				t.Errorf("failed with %v, want %s", got, test.code)
			}
			attempts := 0
			for _, e := range events {
				if e.Type == "PublishAttempted" {
					attempts++
				}
			}
			if attempts != test.attempts {
				t.Errorf("%d attempts, want %d", attempts, test.attempts)
			}
			empty(t, p.Media)
			if _, err := p.Media.OpenVideo(uuid.MustParse(video)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open the video: %v, want fs.ErrNotExist", err)
			}
		})
	}
}

// TestPublish_AttemptsLost has a source that does not answer, after as many
// attempts as it may have were lost: it has them all the same.
func TestPublish_AttemptsLost(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(server.Close)
	store, p, video := teststore.New(t), publisher(t), uuid.NewString()
	lost := attempted(&videopublishingv1.PublishVideo{OwnerId: ann, SourceUri: server.URL, VideoId: video}, sourceAttempts, time.Now())
	command(t, store, ann, video, lost)
	publish(t, store, ann, video, server.URL)
	start(t, store, consumers(p, brisk()))
	events := await(t, store, video, (*videopublishingv1.VideoPublishingFailed)(nil), 1)
	want(t, events, "PublishAttempted",
		"PublishAttempted", "PublishAttemptFailed", "PublishAttempted", "PublishAttemptFailed", "PublishAttempted", "PublishAttemptFailed",
		"PublishAttempted", "VideoPublishingFailed")
	if got := last[*videopublishingv1.VideoPublishingFailed](t, events); got.GetCode() != unreachableSource {
		t.Errorf("failed with %v, want %s", got, unreachableSource)
	}
}

// TestPublish_FromAddress fetches, and tells a source that is away for a while
// from one that is not there.
func TestPublish_FromAddress(t *testing.T) {
	t.Parallel()
	path, requests := webm(t), 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		http.ServeFile(w, r, path)
	}))
	t.Cleanup(server.Close)
	store, p, video := teststore.New(t), publisher(t), uuid.NewString()
	start(t, store, consumers(p, brisk()))
	publish(t, store, ann, video, server.URL)
	want(t, await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1),
		"PublishAttempted", "PublishAttemptFailed", "PublishAttempted", "PublishAttemptFailed", "PublishAttempted", "VideoPublished")
	watchable(t, p, video)
	empty(t, p.Media)

	private := p
	private.AllowPrivate = false
	store, video = teststore.New(t), uuid.NewString()
	start(t, store, consumers(private, brisk()))
	publish(t, store, ann, video, server.URL)
	got := last[*videopublishingv1.VideoPublishingFailed](t, await(t, store, video, (*videopublishingv1.VideoPublishingFailed)(nil), 1))
	if got.GetCode() != unreachableSource || !strings.Contains(got.GetReason(), "private") || requests != 3 {
		t.Errorf("failed with %v after %d requests, want none at a private address", got, requests)
	}
	video = uuid.NewString()
	p.MaxSource = 1000
	store = teststore.New(t)
	start(t, store, consumers(p, brisk()))
	publish(t, store, ann, video, server.URL)
	got = last[*videopublishingv1.VideoPublishingFailed](t, await(t, store, video, (*videopublishingv1.VideoPublishingFailed)(nil), 1))
	if got.GetCode() != tooLarge {
		t.Errorf("failed with %v, want %s", got, tooLarge)
	}
	empty(t, p.Media)
}

// TestPublish_UploadOfAnother finds none.
func TestPublish_UploadOfAnother(t *testing.T) {
	t.Parallel()
	store, p, video := teststore.New(t), publisher(t), uuid.NewString()
	start(t, store, consumers(p, brisk()))
	publish(t, store, eve, video, upload(t, p.Media, ann, mp4(t)))
	events := await(t, store, video, (*videopublishingv1.VideoPublishingFailed)(nil), 1)
	if got := last[*videopublishingv1.VideoPublishingFailed](t, events); got.GetCode() != unreachableSource {
		t.Errorf("failed with %v, want %s", got, unreachableSource)
	}
}

// TestPublish_Gap has a picture that stays for three hours, in a file of some
// kilobytes, at a rate of 250 a second: it costs one picture, and not millions.
func TestPublish_Gap(t *testing.T) {
	t.Parallel()
	store, p, video := teststore.New(t), publisher(t), uuid.NewString()
	start(t, store, consumers(p, brisk()))
	path := sample(t, "gap.webm", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=250:duration=0.1",
		"-vf", "setpts='if(eq(N,24),10800/TB,PTS)'", "-fps_mode", "vfr", "-c:v", "libvpx")
	publish(t, store, ann, video, upload(t, p.Media, ann, path))
	await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1)
}

// TestPublish_SoundGoesOn: a sound may be longer than the pictures, also where the
// container does not say how long those are, and where the first picture is the only
// one.
func TestPublish_SoundGoesOn(t *testing.T) {
	t.Parallel()
	store, p := teststore.New(t), publisher(t)
	start(t, store, consumers(p, brisk()))
	pictures := func(seconds, rate string) []string {
		return []string{"-f", "lavfi", "-i", "testsrc=size=320x240:rate=" + rate + ":duration=" + seconds, "-f", "lavfi", "-i", "sine=duration=30"}
	}
	h264, vp8 := []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"}, []string{"-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"}
	for name, args := range map[string][]string{
		"still.mp4":  slices.Concat(pictures("1", "1"), h264),
		"short.mp4":  slices.Concat(pictures("2", "10"), h264),
		"short.mkv":  slices.Concat(pictures("5", "10"), h264),
		"short.webm": slices.Concat(pictures("5", "10"), vp8),
	} {
		video := uuid.NewString()
		publish(t, store, ann, video, upload(t, p.Media, ann, sample(t, name, args...)))
		published := last[*videopublishingv1.VideoPublished](t, await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1))
		if published.GetPosterUri() == "" {
			t.Errorf("%s has no poster", name)
		}
	}
}

// TestEffect_Whose: one owner's many videos do not hold up another's.
func TestEffect_Whose(t *testing.T) {
	t.Parallel()
	if whose := (publishing{}).effect(times{}).Owner(&videopublishingv1.PublishVideo{OwnerId: "owner"}); whose != "owner" {
		t.Errorf("a place is of %q, want of the owner", whose)
	}
}
