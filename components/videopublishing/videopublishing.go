// Package videopublishing is the component that publishes videos. It handles PublishVideo,
// NameVideo and DescribeVideo, and owns the videoPublishing streams.
//
//	PublishVideo ──▶ PublishAttempted ──▶ VideoPublished
//	     │                ▲    ├──▶ PublishAttemptFailed ──▶ (backoff)
//	     │                └────│────────────────────────────────┘
//	     └────────────────────▶└──▶ VideoPublishingFailed
//	NameVideo ──▶ VideoNamed, VideoNameRejected
//	DescribeVideo ──▶ VideoDescribed, VideoDescriptionRejected
//
// The owner of a video is the user of the first PublishAttempted. Commands of other users
// are rejected. The owner can name the video while it is being published. Further
// PublishVideo commands of the owner have no effect, whatever their source and whatever
// the result of the first.
//
// A video is published at least once: if a crash loses the VideoPublished event, it is
// fetched and transcoded again, and replaces the earlier file. The source is kept.
//
// # Failures
//
// These failures are final at once: NOT_OWNER, NOT_A_VIDEO, TOO_LARGE, and
// UNREACHABLE_SOURCE if the source answers with an error of the request. If the source
// does not answer, publishing fails with UNREACHABLE_SOURCE after four attempts with this
// fault, usually within half a minute. If ffmpeg cannot read a file that looks like a
// video, or if attempts time out, publishing fails with FAILED after two attempts with that
// fault. Attempts that a crash or this machine interrupts, for example because a disk is
// full, are not counted for these limits; but after ten attempts in all, within eleven
// hours, publishing fails with FAILED. An unavailable store is retried for ever.
package videopublishing

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"videotutorials/components"
	"videotutorials/internal/media"
)

// A Publisher is the configuration of the component.
type Publisher struct {
	// Media contains the uploads, and receives the published videos.
	Media *media.Folder
	// Tools inspect and transcode videos. See FindTools.
	Tools Tools
	// AllowPrivate permits sources at addresses that are not public.
	AllowPrivate bool
	// MaxSource limits the size of a fetched source, in bytes.
	MaxSource int64
	// Metrics may be nil.
	Metrics *Metrics
	Log     *slog.Logger
}

// Consumers returns the consumers of the component.
func Consumers(p Publisher) []components.Consumer {
	return consumers(p, times{timeout: 3 * time.Hour, lease: time.Minute, backoff: backoff()})
}

// times are the durations that tests shorten.
type times struct {
	timeout, lease time.Duration
	backoff        []time.Duration
}

// backoff is the pauses between attempts. The first three are for sources that do not
// answer, the others give operators time to repair this machine.
func backoff() []time.Duration {
	return []time.Duration{
		time.Second, 5 * time.Second, 15 * time.Second,
		time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
	}
}

func consumers(p Publisher, t times) []components.Consumer {
	publishing := publishing{Publisher: p, fetcher: newFetcher(p.AllowPrivate, p.MaxSource)}
	return []components.Consumer{{
		ID: "video-publishing",
		// A transcode takes one processor. On a single one, two keep a long transcode from
		// blocking all others.
		Concurrency: max(2, runtime.GOMAXPROCS(0)),
		Handlers: components.Handlers{
			publishing.effect(t).Handler(),
			components.On(videoStream, videos, video.rename),
			components.On(videoStream, videos, video.describe),
		},
	}}
}

type settings struct {
	AllowPrivateSources bool `name:"allow-private-sources" env:"VT_ALLOW_PRIVATE_SOURCES" default:"false" help:"fetch videos from addresses that are not public, too"`
	MaxVideoMiB         int  `name:"max-video-mib" env:"VT_MAX_VIDEO_MIB" default:"2048" help:"largest video that is fetched, in MiB"`
}

// Component returns the component as components.Main runs it.
func Component() components.Component {
	s := &settings{}
	return components.Component{
		Name:     "videopublishing",
		Settings: s,
		Check: func() error {
			if s.MaxVideoMiB <= 0 {
				return errors.New("VT_MAX_VIDEO_MIB must be more than 0")
			}
			return nil
		},
		Consumers: func(p components.Process) ([]components.Consumer, error) {
			folder, err := media.Open(filepath.Join(p.DataDir, "media")) // open as long as the process is
			if err != nil {
				return nil, err
			}
			return Consumers(Publisher{
				Media: folder, Tools: FindTools(context.Background(), p.Log),
				AllowPrivate: s.AllowPrivateSources, MaxSource: int64(s.MaxVideoMiB) << 20,
				Metrics: NewMetrics(p.Registry), Log: p.Log,
			}), nil
		},
	}
}
