package videopublishing

import (
	"context"
	"errors"
	"path/filepath"

	"videotutorials/components"
	"videotutorials/internal/media"
)

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
