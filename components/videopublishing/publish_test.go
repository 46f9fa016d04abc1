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

// Real uploads become videos that every browser plays, although every message is delivered
// twice.
func TestPublish(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"MP4":  mp4(t),
		"WebM": webm(t),
		"Large": sample(t, "large.mkv", "-f", "lavfi", "-i", "testsrc=size=2101x1401:rate=2:duration=2",
			"-c:v", "ffv1", "-pix_fmt", "yuv444p"),
		"Upright": sample(t, "upright.mkv", "-f", "lavfi", "-i", "testsrc=size=1401x2101:rate=2:duration=2", "-c:v", "ffv1"),
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
			if n := testutil.CollectAndCount(p.Metrics.progress); n != 0 {
				t.Errorf("progress of %d transcodes, want none", n)
			}
		})
	}
}

// watchable checks that browsers can play the video.
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
		t.Errorf("the file starts with %x, not with ftyp", text[:12])
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

// empty checks that no scratch folders are left.
func empty(t *testing.T, folder *media.Folder) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(pathOf(t, folder), "tmp", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("scratch folders left: %q, %v", left, err)
	}
}

// pathOf returns the path of the folder.
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

// Streams that have the right format are copied.
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

// Without ffmpeg a video is published unchanged.
func TestPublish_Unchanged(t *testing.T) {
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

// A video that cannot be published fails once, with a code and a reason.
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

// Attempts that ended with their process do not count towards sourceAttempts.
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

// A source at an address is fetched, also after failures, but not from a private address, or
// if it is too large.
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

// An upload of another user is not found.
func TestPublish_UploadOfOtherUser(t *testing.T) {
	t.Parallel()
	store, p, video := teststore.New(t), publisher(t), uuid.NewString()
	start(t, store, consumers(p, brisk()))
	publish(t, store, eve, video, upload(t, p.Media, ann, mp4(t)))
	events := await(t, store, video, (*videopublishingv1.VideoPublishingFailed)(nil), 1)
	if got := last[*videopublishingv1.VideoPublishingFailed](t, events); got.GetCode() != unreachableSource {
		t.Errorf("failed with %v, want %s", got, unreachableSource)
	}
}

// A picture that is shown for three hours, in a small file with 250 pictures a second, is
// transcoded as one picture, not as millions.
func TestPublish_LongPicture(t *testing.T) {
	t.Parallel()
	store, p, video := teststore.New(t), publisher(t), uuid.NewString()
	start(t, store, consumers(p, brisk()))
	path := sample(t, "gap.webm", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=250:duration=0.1",
		"-vf", "setpts='if(eq(N,24),10800/TB,PTS)'", "-fps_mode", "vfr", "-c:v", "libvpx")
	publish(t, store, ann, video, upload(t, p.Media, ann, path))
	await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1)
}

// The sound may be longer than the video, also if the container has no duration of the video,
// or if there is only one picture.
func TestPublish_LongSound(t *testing.T) {
	t.Parallel()
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
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, p, video := teststore.New(t), publisher(t), uuid.NewString()
			start(t, store, consumers(p, brisk()))
			publish(t, store, ann, video, upload(t, p.Media, ann, sample(t, name, args...)))
			published := last[*videopublishingv1.VideoPublished](t, await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1))
			if published.GetPosterUri() == "" {
				t.Error("no poster")
			}
		})
	}
}

// Attempts are limited fairly between owners.
func TestEffect_Owner(t *testing.T) {
	t.Parallel()
	if owner := (publishing{}).effect(times{}).Owner(&videopublishingv1.PublishVideo{OwnerId: "owner"}); owner != "owner" {
		t.Errorf("the owner of an effect is %q, want the owner of the video", owner)
	}
}
