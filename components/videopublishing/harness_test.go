package videopublishing

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"videotutorials/components"
	"videotutorials/internal/media"
	"videotutorials/internal/test/running"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// findOnce finds the tools only once for all tests.
var findOnce = sync.OnceValue(func() Tools {
	return FindTools(context.Background(), slog.New(slog.DiscardHandler))
})

// found returns the tools of this machine. Tests fail without them.
func found(t *testing.T) Tools {
	t.Helper()
	tools := findOnce()
	if tools.ffprobe == "" || tools.ffmpeg == "" {
		t.Fatal("ffmpeg or ffprobe is missing, or ffmpeg lacks libx264: install the package ffmpeg")
	}
	return tools
}

func publisher(t *testing.T) Publisher {
	t.Helper()
	folder, err := media.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	return Publisher{Media: folder, Tools: found(t), AllowPrivate: true, MaxSource: 64 << 20, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// brisk returns short times, except for the lease.
func brisk() times {
	return times{timeout: time.Minute, lease: time.Minute, backoff: slices.Repeat([]time.Duration{time.Millisecond}, len(backoff()))}
}

// start runs the component until stop is called or the test ends.
func start(t *testing.T, store messagestore.Store, consumers []components.Consumer) (stop func()) {
	t.Helper()
	runner, err := components.New(store, nil, slog.New(slog.NewTextHandler(t.Output(), nil)), consumers...)
	if err != nil {
		t.Fatal(err)
	}
	return running.Start(t, runner.Run)
}

// command writes a message of the user, "" for none, about the video.
func command(t *testing.T, store messagestore.Store, user, videoID string, m proto.Message) {
	t.Helper()
	data, err := contract.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	by := contract.Metadata{TraceID: uuid.NewString()}
	if user != "" {
		by.UserID = &user
	}
	message := messagestore.NewMessage{ID: uuid.NewString(), Type: contract.Type(m), Data: data, Metadata: by.String()}
	if _, err := store.Write(t.Context(), contract.Category(m).Stream(videoID), messagestore.Any, message); err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, store messagestore.Store, owner, videoID, source string) {
	t.Helper()
	command(t, store, owner, videoID, &videopublishingv1.PublishVideo{OwnerId: owner, SourceUri: source, VideoId: videoID})
}

func rename(t *testing.T, store messagestore.Store, user, videoID, name string) {
	t.Helper()
	command(t, store, user, videoID, &videopublishingv1.NameVideo{VideoId: videoID, Name: name})
}

func describe(t *testing.T, store messagestore.Store, user, videoID, description string) {
	t.Helper()
	command(t, store, user, videoID, &videopublishingv1.DescribeVideo{VideoId: videoID, Description: description})
}

// await waits for the nth event of the contract, and returns the events of the video up to it.
func await(t *testing.T, store messagestore.Store, videoID string, like proto.Message, n int) (events []messagestore.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), running.Patience)
	defer cancel()
	subscription := messagestore.Subscription{Source: messagestore.OfStream(messagestore.Stream("videoPublishing-" + videoID))}
	for event, err := range store.Subscribe(ctx, subscription) {
		if err != nil {
			t.Fatalf("await %d more %s: %v", n, contract.Type(like), err)
		}
		messages, _ := event.(messagestore.Messages)
		for _, m := range messages {
			events = append(events, m)
			if m.Type == contract.Type(like) {
				n--
			}
			if n == 0 {
				return events
			}
		}
	}
	t.Fatalf("%d more %s not within %v", n, contract.Type(like), running.Patience)
	return nil
}

// last decodes the last event.
func last[M proto.Message](t *testing.T, events []messagestore.Message) M {
	t.Helper()
	m, err := contract.Decode[M](events[len(events)-1])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// want compares the types of the events.
func want(t *testing.T, events []messagestore.Message, want ...string) {
	t.Helper()
	var got []string
	for _, m := range events {
		got = append(got, m.Type)
	}
	if !slices.Equal(got, want) {
		t.Errorf("video: %v, want %v", got, want)
	}
}

// upload stores the file as an upload of the owner and returns its URI.
func upload(t *testing.T, folder *media.Folder, owner, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	id := uuid.New()
	up, err := folder.CreateUpload(uuid.MustParse(owner), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(up, file); err != nil {
		t.Fatal(err)
	}
	if err := up.Commit(); err != nil {
		t.Fatal(err)
	}
	return media.UploadURI(id)
}

// sample makes a file with ffmpeg, with the given name and arguments.
func sample(t *testing.T, file string, args ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), file)
	args = append([]string{"-nostdin", "-v", "error"}, args...)
	out, err := exec.CommandContext(t.Context(), found(t).ffmpeg, append(args, path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
	return path
}

// picture and sound are arguments for inputs of two seconds.
var (
	picture = []string{"-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=2"}
	sound   = []string{"-f", "lavfi", "-i", "sine=duration=2"}
)

// mp4 makes a video that needs no transcoding.
func mp4(t *testing.T) string {
	t.Helper()
	return common.sample(t, "a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")
}

// webm makes a video that needs transcoding.
func webm(t *testing.T) string {
	t.Helper()
	return common.sample(t, "a.webm", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")
}

// common are the samples that many tests use. Each is encoded only once.
var common = &samples{contents: map[string]string{}}

type samples struct {
	mu       sync.Mutex
	contents map[string]string
}

// sample returns a copy of the sample for the test.
func (s *samples) sample(t *testing.T, name string, codecs ...string) (path string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.contents[name] == "" {
		content, err := os.ReadFile(sample(t, name, slices.Concat(picture, sound, codecs)...))
		if err != nil {
			t.Fatal(err)
		}
		s.contents[name] = string(content)
	}
	return file(t, name, s.contents[name])
}

// file makes a file with the text.
func file(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// script makes a program that runs the shell commands.
func script(t *testing.T, text string) (path string) {
	t.Helper()
	path = file(t, "program", "#!/bin/sh\n"+text)
	if err := os.Chmod(path, 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return path
}

// A faulty store delivers messages several times, or fails writes.
type faulty struct {
	messagestore.Store
	// times is how often each message is delivered. Defaults to once.
	times int
	// write, if set, is called before each WriteBatch, which returns its error.
	write func([]messagestore.Write) error
}

func (f faulty) Subscribe(ctx context.Context, s messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		for event, err := range f.Store.Subscribe(ctx, s) {
			if messages, ok := event.(messagestore.Messages); ok && f.times > 1 {
				var more messagestore.Messages
				for _, m := range messages {
					more = append(more, slices.Repeat([]messagestore.Message{m}, f.times)...)
				}
				event = more
			}
			if !yield(event, err) {
				return
			}
		}
	}
}

func (f faulty) WriteBatch(ctx context.Context, writes ...messagestore.Write) ([]messagestore.Written, error) {
	if f.write != nil {
		if err := f.write(writes); err != nil {
			return nil, err
		}
	}
	return f.Store.WriteBatch(ctx, writes...)
}
