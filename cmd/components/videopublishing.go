package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/components"
	"videotutorials/components/videopublishing"
	"videotutorials/internal/media"
	"videotutorials/internal/service"
)

// videoSettings are those of the component videopublishing.
type videoSettings struct {
	AllowPrivateSources bool `name:"allow-private-sources" env:"VT_ALLOW_PRIVATE_SOURCES" default:"false" help:"fetch videos from addresses that are not public, too"`
	MaxVideoMiB         int  `name:"max-video-mib" env:"VT_MAX_VIDEO_MIB" default:"2048" help:"how many MiB a video may have that is fetched"`
}

func (s *settings) videopublishing(log *slog.Logger, registry prometheus.Registerer) ([]components.Consumer, error) {
	if s.MaxVideoMiB <= 0 {
		return nil, &service.UsageError{Reason: "VT_MAX_VIDEO_MIB must be more than 0"}
	}
	folder, err := media.Open(filepath.Join(s.DataDir, "media")) // open as long as the process is
	if err != nil {
		return nil, err
	}
	return videopublishing.Consumers(videopublishing.Publisher{
		Media: folder, Tools: videopublishing.FindTools(context.Background(), log),
		AllowPrivate: s.AllowPrivateSources, MaxSource: int64(s.MaxVideoMiB) << 20,
		Metrics: videopublishing.NewMetrics(registry), Log: log.With("component", "videopublishing"),
	}), nil
}
