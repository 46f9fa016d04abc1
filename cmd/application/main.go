// Application serves the API of Video Tutorials, REST and gRPC.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"

	"videotutorials/application"
	"videotutorials/internal/certificate"
	"videotutorials/internal/media"
	"videotutorials/internal/service"
	"videotutorials/internal/token"
	"videotutorials/messagestore/rpc"
	"videotutorials/viewdata"
)

type settings struct {
	Port         int    `name:"port" env:"VT_PORT" default:"8080" help:"port of REST; gRPC uses the next port"`
	ViewData     string `name:"viewdata-url" env:"VT_VIEWDATA_URL" help:"URL of View Data, required; read with the role view_reader"`
	Store        string `name:"messagestore-addr" env:"VT_MESSAGESTORE_ADDR" help:"host:port of the message store, default 127.0.0.1:<port + 10>"`
	Certs        string `name:"certs" env:"VT_CERTS" help:"folder with ca.crt, application.crt and application.key, required unless insecure"`
	Secret       string `name:"secret-file" env:"VT_SECRET_FILE" help:"file whose content signs sessions and the links in mails, required; at least 32 random bytes, the same as that of components"`
	Media        string `name:"media-dir" env:"VT_MEDIA_DIR" help:"folder of uploads and published videos, required; the same as that of components"`
	MaxVideoMiB  int    `name:"max-video-mib" env:"VT_MAX_VIDEO_MIB" default:"2048" help:"maximum size of an uploaded video, in MiB"`
	AllowPrivate bool   `name:"allow-private-sources" env:"VT_ALLOW_PRIVATE_SOURCES" default:"false" help:"allow sources of videos at addresses that are not public"`
	Insecure     bool   `name:"insecure" env:"VT_INSECURE" default:"false" help:"no TLS to the message store and on the gRPC port"`
	TLSCert      string `name:"tls-cert" env:"VT_TLS_CERT" help:"certificate file (PEM) for TLS on the REST port; without it REST is plain HTTP"`
	TLSKey       string `name:"tls-key" env:"VT_TLS_KEY" help:"key file (PEM) of tls-cert"`
}

func main() {
	s := &settings{}
	service.Main("application",
		service.Command{Help: "serve the API, REST and gRPC", Settings: s, Run: s.run},
		service.Declare(service.Declaration{
			Kind: "application", Principals: map[string]string{"application": "application"},
		}, nil, func() error { return nil }),
	)
}

func (s *settings) run(ctx context.Context, log *slog.Logger, args []string) error {
	switch {
	case len(args) > 0:
		return &service.UsageError{Reason: "application takes no arguments"}
	case s.ViewData == "":
		return &service.UsageError{Reason: "VT_VIEWDATA_URL is required"}
	case s.Secret == "":
		return &service.UsageError{Reason: "VT_SECRET_FILE is required"}
	case s.Media == "":
		return &service.UsageError{Reason: "VT_MEDIA_DIR is required"}
	case s.MaxVideoMiB <= 0:
		return &service.UsageError{Reason: "VT_MAX_VIDEO_MIB must be more than 0"}
	}
	secret, err := token.ReadSecret(s.Secret)
	if err != nil {
		return err
	}
	tls, err := s.tls(log)
	if err != nil {
		return err
	}
	folder, err := media.Open(s.Media)
	if err != nil {
		return err
	}
	defer folder.Close() //nolint:errcheck // no data is lost
	pool, err := viewdata.Open(ctx, s.ViewData, viewdata.Reader)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := rpc.Dial(cmp.Or(s.Store, service.Addr(s.Port, service.MessageStorePort)), tls.store)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // no data is lost

	registry := service.NewRegistry()
	app, err := application.New(application.Config{
		Store: store, ViewData: pool, Log: log, Secret: secret, Registry: registry, Version: service.Version(),
		Media: folder, MaxUpload: int64(s.MaxVideoMiB) << 20, AllowPrivateSources: s.AllowPrivate,
		REST: tls.rest, GRPC: tls.grpc,
	})
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	rest, err := listen.Listen(ctx, "tcp", service.Addr(s.Port, service.RESTPort))
	if err != nil {
		return err
	}
	grpc, err := listen.Listen(ctx, "tcp", service.Addr(s.Port, service.ApplicationPort))
	if err != nil {
		return err
	}
	log.Info("serving", "rest", rest.Addr(), "grpc", grpc.Addr(), "version", service.Version())
	return app.Run(ctx, rest, grpc)
}

// connections are the TLS settings: of the client of the message store, and of the
// gRPC and REST servers. Nil is plain text.
type connections struct {
	store, grpc, rest *tls.Config
}

func (s *settings) tls(log *slog.Logger) (c connections, err error) {
	switch {
	case s.Certs == "" && !s.Insecure:
		return c, &service.UsageError{Reason: "VT_CERTS is required, or VT_INSECURE"}
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return c, &service.UsageError{Reason: "VT_TLS_CERT and VT_TLS_KEY belong together"}
	}
	if s.TLSCert != "" {
		if c.rest, err = server(s.TLSCert, s.TLSKey); err != nil {
			return c, err
		}
	}
	if s.Insecure {
		log.Warn("TLS is off: gRPC is plain text, and the message store does not authenticate")
		return c, nil
	}
	const name = "application"
	if c.store, err = certificate.Client(s.Certs, name); err != nil {
		return c, err
	}
	c.grpc, err = server(filepath.Join(s.Certs, name+".crt"), filepath.Join(s.Certs, name+".key"))
	return c, err
}

// server returns the TLS settings of a server without client certificates: users are
// not principals. Each connection reads the files, so that a renewed certificate
// needs no restart.
func server(cert, key string) (*tls.Config, error) {
	read := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("read the server certificate: %w", err)
		}
		return &pair, nil
	}
	if _, err := read(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: read}, nil
}
