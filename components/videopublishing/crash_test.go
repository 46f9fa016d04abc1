package videopublishing

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/components"
	"videotutorials/internal/media"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// These environment variables make the test binary a process that runs the component.
const (
	storeEnv  = "VIDEOPUBLISHING_TEST_STORE"
	mediaEnv  = "VIDEOPUBLISHING_TEST_MEDIA"
	ffmpegEnv = "VIDEOPUBLISHING_TEST_FFMPEG"
)

func TestMain(m *testing.M) {
	if os.Getenv(storeEnv) == "" {
		testdb.Main(m)
	}
	if err := publishUntilKilled(); err != nil {
		panic(err)
	}
}

// leased returns short times with a short lease.
func leased() times {
	t := brisk()
	t.lease = 300 * time.Millisecond
	return t
}

// publishUntilKilled runs the component until the process is killed.
func publishUntilKilled() error {
	log := slog.New(slog.DiscardHandler)
	store, err := rpc.Dial(os.Getenv(storeEnv), nil)
	if err != nil {
		return err
	}
	folder, err := media.Open(os.Getenv(mediaEnv))
	if err != nil {
		return err
	}
	tools := FindTools(context.Background(), log)
	tools.ffmpeg = os.Getenv(ffmpegEnv)
	runner, err := components.New(store, nil, log, consumers(Publisher{Media: folder, Tools: tools, MaxSource: 1 << 20, Log: log}, leased())...)
	if err != nil {
		return err
	}
	return runner.Run(context.Background())
}

// If a process is killed during a transcode, its ffmpeg dies with it, and another process
// publishes the video, once, and not before the lease expires.
func TestKilled(t *testing.T) {
	t.Parallel()
	store, p, video := teststore.New(t), publisher(t), uuid.NewString()
	source := upload(t, p.Media, ann, webm(t))
	slow := p
	gate := gated(t, &slow)
	killed := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
	killed.Env = append(os.Environ(), storeEnv+"="+serve(t, store), ffmpegEnv+"="+slow.Tools.ffmpeg, mediaEnv+"="+pathOf(t, p.Media))
	killed.Stderr = t.Output()
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	publish(t, store, ann, video, source)
	waiting := atGate(t, gate)
	rename(t, store, ann, video, "Name")
	await(t, store, video, (*videopublishingv1.PublishAttempted)(nil), 2) // the lease was renewed
	_ = killed.Process.Kill()
	_ = killed.Wait()
	running.Until(t, "the death of ffmpeg, which reads the gate", func() bool {
		_, err := waiting.WriteString("x")
		return errors.Is(err, syscall.EPIPE)
	})
	start(t, store, consumers(p, leased()))
	events := await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1)
	var until time.Time
	for _, e := range events {
		if e.Type != "PublishAttempted" {
			continue
		}
		attempted := last[*videopublishingv1.PublishAttempted](t, []messagestore.Message{e})
		if attempted.GetAttempt() == 1 {
			until = attempted.GetUntil().AsTime()
		} else if e.Time.Before(until) {
			t.Errorf("attempt %d at %v, before %v", attempted.GetAttempt(), e.Time, until)
		}
	}
	watchable(t, p, video)
	rename(t, store, ann, video, "Name again")
	for _, e := range await(t, store, video, (*videopublishingv1.VideoNamed)(nil), 2)[len(events):] {
		if e.Type == "VideoPublished" {
			t.Error("published twice")
		}
	}
}

// serve serves the store and returns the address.
func serve(t *testing.T, store messagestore.Store) (addr string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(store, rpc.ServerOptions{Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	running.Start(t, func(ctx context.Context) error { return server.Run(ctx, listener) })
	return listener.Addr().String()
}

// A stop interrupts a transcode at once. The attempt does not count: the next one has the
// same number.
func TestStopped(t *testing.T) {
	t.Parallel()
	store, p, video := teststore.New(t), publisher(t), uuid.NewString()
	slow := p
	gate := gated(t, &slow)
	stop := start(t, store, consumers(slow, brisk()))
	publish(t, store, ann, video, upload(t, p.Media, ann, webm(t)))
	waiting := atGate(t, gate)
	begun := time.Now()
	stop()
	if took := time.Since(begun); took > 8*time.Second { // an attempt that is not interruptible has 10 s
		t.Errorf("the stop takes %v", took)
	}
	if _, err := waiting.WriteString("x"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("ffmpeg is still running: %v", err)
	}
	empty(t, p.Media)
	start(t, store, consumers(p, brisk()))
	events := await(t, store, video, (*videopublishingv1.VideoPublished)(nil), 1)
	for _, e := range events {
		if e.Type == "PublishAttempted" && last[*videopublishingv1.PublishAttempted](t, []messagestore.Message{e}).GetAttempt() != 1 {
			t.Errorf("a stop counts as an attempt: %s", e.Data)
		}
	}
	watchable(t, p, video)
}
