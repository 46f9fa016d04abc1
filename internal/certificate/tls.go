package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Server returns the TLS settings of a server with the certificate of that name.
// It takes only clients that have a certificate of the folder's authority.
//
// Each connection reads the files anew, so that a renewed certificate, and also
// another authority, holds from the next connection on. If they cannot be read,
// or do not fit, connections fail until they do.
func Server(dir, name string) (*tls.Config, error) {
	if _, err := read(dir, name); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			f, err := read(dir, name)
			if err != nil {
				return nil, err
			}
			return &tls.Config{
				MinVersion:   tls.VersionTLS13,
				NextProtos:   []string{"h2"},
				Certificates: []tls.Certificate{f.pair},
				ClientAuth:   tls.RequireAndVerifyClientCert,
				ClientCAs:    f.authority,
				// A resumed session would not look at the certificate again.
				SessionTicketsDisabled: true,
			}, nil
		},
	}, nil
}

// Client returns the TLS settings of a client with the certificate of that name.
// It talks only to servers that have a certificate of the folder's authority
// for the host that was dialled.
//
// Each connection reads the client's certificate anew. Another authority holds
// from the next connection on if it is made with the RootCAs of what
// GetConfigForClient returns at that moment, as rpc.Dial does. crypto/tls itself
// does not ask a client's GetConfigForClient, and has no hook to exchange the
// authority and keep its own verification: VerifyConnection would have to do all
// of it, and is not told an IP that was dialled.
func Client(dir, name string) (*tls.Config, error) {
	f, err := read(dir, name)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    f.authority,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			f, err := read(dir, name)
			return &f.pair, err
		},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return Client(dir, name) },
	}, nil
}

// Principal returns the SPIFFE ID that the certificate of that name has, and an
// error if it has none or several URIs.
func Principal(dir, name string) (string, error) {
	f, err := read(dir, name)
	if err != nil {
		return "", err
	}
	uris := f.pair.Leaf.URIs
	if len(uris) != 1 || uris[0].Scheme != "spiffe" {
		return "", fmt.Errorf("the certificate %s has the URIs %v, not one SPIFFE ID", name, uris)
	}
	return uris[0].String(), nil
}

// files are what one side needs.
type files struct {
	pair      tls.Certificate
	authority *x509.CertPool
}

func read(dir, name string) (files, error) {
	pair, err := tls.LoadX509KeyPair(path(dir, name, certificateFile), path(dir, name, keyFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return files{}, fmt.Errorf("certificate %s: %w; is it among the principals that have certificates?", name, err)
	case err != nil:
		return files{}, fmt.Errorf("certificate %s: %w", name, err)
	}
	text, err := os.ReadFile(path(dir, authorityName, certificateFile))
	if err != nil {
		return files{}, fmt.Errorf("certificate of the authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return files{}, fmt.Errorf("%s has no certificate", path(dir, authorityName, certificateFile))
	}
	return files{pair, pool}, nil
}
