// Mvc serves the classical version of Video Tutorials, for comparison: one table and
// no messages.
package main

import (
	"context"
	"log/slog"
	"net"

	"videotutorials/internal/service"
	"videotutorials/mvc"
)

type settings struct {
	Port        int    `name:"port" env:"VT_PORT" default:"8080" help:"first port of the system; REST is on <port + 5>"`
	DatabaseURL string `name:"database-url" env:"VT_DATABASE_URL" help:"URL of the database, required; its user creates the table"`
	Videos      int    `name:"videos" env:"VT_VIDEOS" default:"3" help:"number of videos"`
}

func main() {
	s := &settings{}
	service.Main("mvc", service.Command{Help: "serve the classical version, REST", Settings: s, Run: s.run})
}

// run serves until the context ends. Postgres may start later and restart.
func (s *settings) run(ctx context.Context, log *slog.Logger, _ []string) error {
	if s.DatabaseURL == "" {
		return &service.UsageError{Reason: "VT_DATABASE_URL is required"}
	}
	if err := mvc.CheckVideos(s.Videos); err != nil {
		return &service.UsageError{Reason: err.Error()}
	}
	db, err := mvc.Open(ctx, s.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	registry := service.NewRegistry()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", service.Addr(s.Port, service.MVCPort))
	if err != nil {
		return err
	}
	log.Info("serving", "rest", listener.Addr(), "videos", s.Videos, "video", mvc.VideoID(1))
	return mvc.New(mvc.Config{DB: db, Videos: s.Videos, Log: log, Registry: registry}).Run(ctx, listener)
}
