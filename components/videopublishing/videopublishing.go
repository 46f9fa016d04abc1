// Package videopublishing is the component that publishes videos. It owns the
// videoPublishing streams: it takes PublishVideo, NameVideo and DescribeVideo.
//
//	PublishVideo ──▶ PublishAttempted ──▶ VideoPublished
//	     │                ▲    ├──▶ PublishAttemptFailed ──▶ (pause)
//	     │                └────│────────────────────────────────┘
//	     └────────────────────▶└──▶ VideoPublishingFailed
//	NameVideo ──▶ VideoNamed, VideoNameRejected
//	DescribeVideo ──▶ VideoDescribed, VideoDescriptionRejected
//
// A video is the one's who first had it published, from the first
// PublishAttempted on: who else commands it is rejected, and the owner may name
// it while it is still published. The owner's further PublishVideo change
// nothing, whatever came of the first, and whatever their source.
//
// A video is published at least once: where a crash swallows the VideoPublished,
// it is fetched and transcoded again, and replaces what was there. The source
// stays where it is.
//
// # Failures
//
// What is wrong with the command or the file is final at once: NOT_OWNER,
// NOT_A_VIDEO, TOO_LARGE, and UNREACHABLE_SOURCE where the source says so. A
// source that does not answer is UNREACHABLE_SOURCE after four attempts that have
// failed for that, most often within half a minute. A file that looks like a video,
// and which ffmpeg cannot read, is FAILED after two, and so is one that takes too
// long. Attempts that are lost to a crash, or to what is wrong with this machine,
// as a full disk, are not counted among these; with them, it is FAILED after ten in
// all, within eleven hours. A store that is away is waited for, for ever.
package videopublishing

import (
	"log/slog"
	"runtime"
	"time"

	"videotutorials/components"
	"videotutorials/internal/media"
)

// A Publisher is what videos are published with.
type Publisher struct {
	// Media is where uploads are, and where published videos are put.
	Media *media.Folder
	// Tools look at videos and transcode them. See FindTools.
	Tools Tools
	// AllowPrivate lets sources be at addresses that are not public ones.
	AllowPrivate bool
	// MaxSource bounds a source that is fetched, in bytes.
	MaxSource int64
	// Metrics may be nil.
	Metrics *Metrics
	// Log is told of each attempt.
	Log *slog.Logger
}

// Consumers returns the component's consumers.
func Consumers(p Publisher) []components.Consumer {
	return consumers(p, times{timeout: 3 * time.Hour, lease: time.Minute, pauses: pauses(), progress: 10 * time.Second})
}

// times are those that tests make short.
type times struct {
	timeout, lease, progress time.Duration
	pauses                   []time.Duration
}

// pauses are those between the attempts. The first three are for sources that do
// not answer, the others give people time to mend this machine.
func pauses() []time.Duration {
	return []time.Duration{
		time.Second, 5 * time.Second, 15 * time.Second,
		time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
	}
}

func consumers(p Publisher, t times) []components.Consumer {
	one := publishing{Publisher: p, fetcher: newFetcher(p.AllowPrivate, p.MaxSource), progress: t.progress}
	return []components.Consumer{{
		ID: "video-publishing",
		// A transcode takes a processor. One alone must not hold up all others.
		Concurrency: max(2, runtime.GOMAXPROCS(0)),
		Handlers: components.Handlers{
			one.effect(t).Handler(),
			components.On(of, videos, video.rename),
			components.On(of, videos, video.describe),
		},
	}}
}
