package videopublishing

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"videotutorials/internal/media"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// The suffixes of the tests, as _D1, are the numbers of defects in internal/check/defects.

// owned writes an event that makes the video the owner's.
func owned(t *testing.T, store messagestore.Store, owner, videoID string) {
	t.Helper()
	command(t, store, owner, videoID, &videopublishingv1.VideoPublished{OwnerId: owner, SourceUri: "upload:1", VideoId: videoID})
}

// Commands that wait together, and are delivered twice, are all handled once, in order,
// although the event of the first is behind them in the log.
func TestNames_D1(t *testing.T) {
	t.Parallel()
	store, video := teststore.New(t), uuid.NewString()
	owned(t, store, ann, video)
	rename(t, store, ann, video, "First")
	rename(t, store, ann, video, "Second")
	rename(t, store, ann, video, "Second")
	describe(t, store, ann, video, "Words")
	describe(t, store, ann, video, "")
	rename(t, store, ann, video, "\t")
	rename(t, store, ann, video, "First")
	stop := start(t, faulty{Store: store, times: 2}, consumers(publisher(t), brisk()))
	events := await(t, store, video, (*videopublishingv1.VideoNamed)(nil), 3)
	stop()
	want(t, events, "VideoPublished", "VideoNamed", "VideoNamed", "VideoNameRejected",
		"VideoDescribed", "VideoDescribed", "VideoNameRejected", "VideoNamed")
	var codes []string
	traces := map[string]bool{}
	for _, e := range events[1:] {
		by, err := contract.ParseMetadata(e.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		traces[by.TraceID] = true
		if e.Type == "VideoNameRejected" {
			codes = append(codes, last[*videopublishingv1.VideoNameRejected](t, []messagestore.Message{e}).GetCode())
		}
	}
	if !slices.Equal(codes, []string{unchanged, blank}) || len(traces) != 7 {
		t.Errorf("rejected with %v, in %d traces, want 7 traces", codes, len(traces))
	}
}

// Commands of other users, of no user, and for unknown videos are rejected.
func TestOthers_D12(t *testing.T) {
	t.Parallel()
	store, p, video, unknown := teststore.New(t), publisher(t), uuid.NewString(), uuid.NewString()
	source := upload(t, p.Media, ann, mp4(t))
	start(t, faulty{Store: store, times: 2}, consumers(p, brisk()))
	rename(t, store, ann, unknown, "Name")
	got := last[*videopublishingv1.VideoNameRejected](t, await(t, store, unknown, (*videopublishingv1.VideoNameRejected)(nil), 1))
	if got.GetCode() != unknownVideo {
		t.Errorf("rejected with %v, want %s", got, unknownVideo)
	}
	publish(t, store, ann, video, source)
	await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1)
	publish(t, store, eve, video, source)
	rename(t, store, eve, video, "Hers")
	rename(t, store, "", video, "Anonymous")
	describe(t, store, eve, video, "Hers")
	publish(t, store, ann, video, source)
	rename(t, store, ann, video, "Mine")
	events := await(t, store, video, (*videopublishingv1.VideoNamed)(nil), 1)
	want(t, events, "PublishAttempted", "VideoPublished", "VideoPublishingFailed", "VideoNameRejected", "VideoNameRejected",
		"VideoDescriptionRejected", "VideoNamed")
	failed := last[*videopublishingv1.VideoPublishingFailed](t, events[:3])
	if failed.GetCode() != notOwner || failed.GetOwnerId() != eve {
		t.Errorf("failed with %v, want the rejection of eve's command", failed)
	}
	for _, e := range events[3:5] {
		if got := last[*videopublishingv1.VideoNameRejected](t, []messagestore.Message{e}); got.GetCode() != notOwner {
			t.Errorf("rejected with %v, want %s", got, notOwner)
		}
	}
}

// A video is published even if the store or ffmpeg fail more often than a file may.
func TestInfrastructure_D10(t *testing.T) {
	t.Parallel()
	failing := func(how string) func(*testing.T, *Publisher) messagestore.Store {
		return func(t *testing.T, p *Publisher) messagestore.Store {
			t.Helper()
			counter := filepath.Join(t.TempDir(), "counter")
			p.Tools.ffmpeg = script(t, fmt.Sprintf("echo x >>%s\n[ $(wc -l <%s) -gt 5 ] && exec %s \"$@\"\n%s", counter, counter, p.Tools.ffmpeg, how))
			return teststore.New(t)
		}
	}
	for name, prepare := range map[string]func(*testing.T, *Publisher) messagestore.Store{
		"StoreUnavailable": func(t *testing.T, _ *Publisher) messagestore.Store {
			t.Helper()
			times := 0
			return faulty{Store: teststore.New(t), write: func([]messagestore.Write) error {
				if times++; times <= 5 {
					return &messagestore.UnavailableError{Reason: "unavailable"}
				}
				return nil
			}}
		},
		"Killed":     failing("kill -9 $$"),
		"Terminated": failing("kill -15 $$"),
		"NoProgram":  failing("exit 127"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, video := publisher(t), uuid.NewString()
			source := upload(t, p.Media, ann, webm(t))
			store := prepare(t, &p)
			start(t, store, consumers(p, brisk()))
			publish(t, store, ann, video, source)
			await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1)
			watchable(t, p, video)
			empty(t, p.Media)
		})
	}
}

// A full disk, before or while ffmpeg runs, is not a fault of the file, and no files are
// left. With enough space, a failure of ffmpeg is a fault of the file, final at the second
// time.
func TestFullDisk_D10(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]string{
		"AtFirst": "exit 1", "Fails": "touch $0.runs\nexit 1", "GoesOn": "touch $0.runs\nexec sleep 20",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := publisher(t)
			p.Tools.ffmpeg = script(t, program)
			source := upload(t, p.Media, ann, webm(t))
			p.Media.Space = func() (int64, int64, error) {
				if _, err := os.Stat(p.Tools.ffmpeg + ".runs"); err == nil || name == "AtFirst" {
					return 1<<30 - 1, 1 << 40, nil
				}
				return 1 << 30, 1 << 40, nil
			}
			m := &videopublishingv1.PublishVideo{OwnerId: ann, VideoId: uuid.NewString(), SourceUri: source}
			_, err := publishing{Publisher: p}.publish(t.Context(), m)
			f := explain(err)
			if !errors.Is(err, media.ErrNoSpace) || f.code != failed || f.fault != "" || f.final(8) || !strings.Contains(f.reason, "room") {
				t.Errorf("%v: %+v, want no fault of the file", err, f)
			}
			empty(t, p.Media)
		})
	}
	p := publisher(t)
	p.Tools.ffmpeg = script(t, "echo 'secret of the machine' >&2\nexit 1")
	m := &videopublishingv1.PublishVideo{OwnerId: ann, VideoId: uuid.NewString(), SourceUri: upload(t, p.Media, ann, webm(t))}
	_, err := publishing{Publisher: p}.publish(t.Context(), m)
	expect(t, err, failed, fileAttempts)
	if f := explain(err); f.code != failed || !f.final(1) || strings.Contains(f.reason, "secret") || !strings.Contains(err.Error(), "secret") {
		t.Errorf("%v: %+v: want the cause only in the log", err, f)
	}
}

// While a transcode takes long, another video is published, and both are named.
func TestSlowTranscode_D20(t *testing.T) {
	t.Parallel()
	store, p, slow, other := teststore.New(t), publisher(t), uuid.NewString(), uuid.NewString()
	first, second := upload(t, p.Media, ann, webm(t)), upload(t, p.Media, eve, mp4(t))
	gate := gated(t, &p)
	start(t, store, consumers(p, brisk()))
	publish(t, store, ann, slow, first)
	rename(t, store, ann, slow, "Slow")
	waiting := atGate(t, gate)
	publish(t, store, eve, other, second)
	rename(t, store, eve, other, "Other")
	rename(t, store, ann, slow, "Slower")
	await(t, store, other, (*videopublishingv1.VideoPublished)(nil), 1)
	await(t, store, other, (*videopublishingv1.VideoNamed)(nil), 1)
	want(t, await(t, store, slow, (*videopublishingv1.VideoNamed)(nil), 2), "PublishAttempted", "VideoNamed", "VideoNamed")
	if _, err := waiting.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	await(t, store, slow, (*videopublishingv1.VideoPublished)(nil), 1)
	watchable(t, p, slow)
}

// gated makes the first ffmpeg wait until a line is written to the gate, a named pipe.
func gated(t *testing.T, p *Publisher) (gate string) {
	t.Helper()
	dir := t.TempDir()
	gate = filepath.Join(dir, "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Tools.ffmpeg = script(t, fmt.Sprintf("mkdir %s/first 2>/dev/null && read x <%s\nexec %s \"$@\"", dir, gate, p.Tools.ffmpeg))
	return gate
}

// atGate waits until ffmpeg reads the gate, and returns the gate for writing.
func atGate(t *testing.T, gate string) *os.File {
	t.Helper()
	opened := make(chan *os.File, 1)
	go func() {
		f, err := os.OpenFile(gate, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
		}
		opened <- f
	}()
	f := running.Receive(t, "ffmpeg to read the gate", opened)
	t.Cleanup(func() { _ = f.Close() })
	return f
}
