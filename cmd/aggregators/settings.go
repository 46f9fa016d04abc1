package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

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
	"videotutorials/messagestore/rpc"
	"videotutorials/viewdata"
)

type settings struct {
	Port int `name:"port" env:"VT_PORT" default:"8080" help:"/metrics, /healthz and /readyz are on this port + 13"`
	places
	Only []string `name:"only" help:"the aggregators to run, by comma, default all"`
}

// places are where the log and the views are.
type places struct {
	ViewData string `name:"viewdata-url" env:"VT_VIEWDATA_URL" help:"URL of View Data, required; rows are written as view_writer, migrations run as its user"`
	Store    string `name:"messagestore-addr" env:"VT_MESSAGESTORE_ADDR" help:"host:port of the message store, default 127.0.0.1:<port + 10>"`
	Certs    string `name:"certs" env:"VT_CERTS" help:"folder with ca.crt, aggregators.crt and aggregators.key, required unless insecure"`
	Insecure bool   `name:"insecure" env:"VT_INSECURE" default:"false" help:"no TLS to the message store"`
}

// open returns the message store, by default the one on that port + 10, and View
// Data. The caller MUST close both.
func (p *places) open(ctx context.Context, port int, log *slog.Logger) (*rpc.Client, *pgxpool.Pool, error) {
	if p.ViewData == "" {
		return nil, nil, &service.UsageError{Reason: "VT_VIEWDATA_URL is required"}
	}
	tls, err := p.tls(log)
	if err != nil {
		return nil, nil, err
	}
	store, err := rpc.Dial(cmp.Or(p.Store, service.Addr(port, service.MessageStorePort)), tls)
	if err != nil {
		return nil, nil, err
	}
	db, err := viewdata.Open(ctx, p.ViewData, viewdata.Writer)
	if err != nil {
		_ = store.Close()
		return nil, nil, err
	}
	return store, db, nil
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
func (p *places) tls(log *slog.Logger) (*tls.Config, error) {
	switch {
	case p.Insecure:
		log.Warn("TLS is off: the message store knows nobody")
		return nil, nil
	case p.Certs == "":
		return nil, &service.UsageError{Reason: "VT_CERTS is required, or VT_INSECURE"}
	}
	return certificate.Client(p.Certs, "aggregators")
}
