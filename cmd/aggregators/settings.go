package main

import (
	"crypto/tls"
	"log/slog"

	"videotutorials/aggregators"
	"videotutorials/aggregators/adminmessages"
	"videotutorials/aggregators/adminpositions"
	"videotutorials/aggregators/adminstreams"
	"videotutorials/aggregators/adminusers"
	"videotutorials/aggregators/creatorsvideos"
	"videotutorials/aggregators/homepage"
	"videotutorials/aggregators/registrations"
	"videotutorials/aggregators/sessions"
	"videotutorials/aggregators/usercredentials"
	"videotutorials/aggregators/videooperations"
	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
)

type settings struct {
	Port     int      `name:"port" env:"VT_PORT" default:"8080" help:"/metrics, /healthz and /readyz are on this port + 13"`
	ViewData string   `name:"viewdata-url" env:"VT_VIEWDATA_URL" help:"URL of View Data, required; it is migrated as its user and written as view_writer"`
	Store    string   `name:"messagestore-addr" env:"VT_MESSAGESTORE_ADDR" help:"host:port of the message store, default 127.0.0.1:<port + 10>"`
	Certs    string   `name:"certs" env:"VT_CERTS" help:"folder with ca.crt, aggregators.crt and aggregators.key, required unless insecure"`
	Insecure bool     `name:"insecure" env:"VT_INSECURE" default:"false" help:"no TLS to the message store"`
	Only     []string `name:"only" help:"the aggregators to run, by comma, default all"`
}

// all are the aggregators by the names of their packages.
func all() map[string]aggregators.Aggregator {
	return map[string]aggregators.Aggregator{
		"adminmessages":   adminmessages.Aggregator(),
		"adminpositions":  adminpositions.Aggregator(),
		"adminstreams":    adminstreams.Aggregator(),
		"adminusers":      adminusers.Aggregator(),
		"creatorsvideos":  creatorsvideos.Aggregator(),
		"homepage":        homepage.Aggregator(),
		"registrations":   registrations.Aggregator(),
		"sessions":        sessions.Aggregator(),
		"usercredentials": usercredentials.Aggregator(),
		"videooperations": videooperations.Aggregator(),
	}
}

// chosen returns the aggregators to run.
func (s *settings) chosen() ([]aggregators.Aggregator, error) {
	if s.ViewData == "" {
		return nil, &service.UsageError{Reason: "VT_VIEWDATA_URL is required"}
	}
	all := all()
	names, err := service.Choose("aggregator", all, s.Only)
	if err != nil {
		return nil, err
	}
	var chosen []aggregators.Aggregator
	for _, name := range names {
		chosen = append(chosen, all[name])
	}
	return chosen, nil
}

// tls returns nil for a client without.
func (s *settings) tls(log *slog.Logger) (*tls.Config, error) {
	switch {
	case s.Insecure:
		log.Warn("TLS is off: the message store knows nobody")
		return nil, nil
	case s.Certs == "":
		return nil, &service.UsageError{Reason: "VT_CERTS is required, or VT_INSECURE"}
	}
	return certificate.Client(s.Certs, "aggregators")
}
