package service

import (
	"cmp"
	"crypto/tls"
	"log/slog"

	"videotutorials/internal/certificate"
	"videotutorials/messagestore/rpc"
)

// StoreSettings are the settings of a client of the message store, for a settings
// struct to embed.
type StoreSettings struct {
	Store    string `name:"messagestore-addr" env:"VT_MESSAGESTORE_ADDR" help:"host:port of the message store, several comma-separated; default 127.0.0.1:<port + 10>"`
	Certs    string `name:"certs" env:"VT_CERTS" help:"folder with ca.crt, and <name>.crt and <name>.key of each principal; required unless insecure, of components default <data-dir>/certs"`
	Insecure bool   `name:"insecure" env:"VT_INSECURE" default:"false" help:"no TLS to the message store"`
}

// Check returns a *UsageError if there is no folder of certificates.
func (s *StoreSettings) Check() error {
	if s.Certs == "" && !s.Insecure {
		return &UsageError{"VT_CERTS is required, or VT_INSECURE"}
	}
	return nil
}

// Dial returns a client with the certificate of that name. Port is the VT_PORT.
func (s *StoreSettings) Dial(port int, name string, log *slog.Logger) (*rpc.Client, error) {
	var config *tls.Config
	if s.Insecure {
		log.Warn("TLS is off: the caller is anonymous", "principal", name)
	} else {
		var err error
		if config, err = certificate.Client(s.Certs, name); err != nil {
			return nil, err
		}
	}
	return rpc.Dial(cmp.Or(s.Store, Addr(port, MessageStorePort)), config)
}
