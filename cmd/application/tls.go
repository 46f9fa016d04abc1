package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
)

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
