package service

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// stamped overrides the version from the build information:
// go build -ldflags "-X videotutorials/internal/service.stamped=v1.2.3".
var stamped string

// Version returns the version of the program: the one set by -ldflags, else the
// module's from the build information, or "dev".
func Version() string {
	if stamped != "" {
		return stamped
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// revision returns the commit that the program was built from, or "".
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// VersionLine returns the version and the revision, as -version prints them.
func VersionLine() string {
	if r := revision(); r != "" {
		return Version() + " " + r
	}
	return Version()
}

// NewRegistry returns a registry with the metrics of every program: those of the
// Go runtime, of the process, and videotutorials_build_info.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "videotutorials_build_info", Help: "1, with the version and the revision of the program.",
		ConstLabels: prometheus.Labels{"version": Version(), "revision": revision()},
	})
	info.Set(1)
	registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
