package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Server returns the TLS configuration of a server with the certificate of that name.
// It accepts only clients with a certificate of the folder's authority.
//
// The files are read for each connection, so that a renewed certificate or a new
// authority takes effect at the next one. While they cannot be read, or do not match,
// connections fail.
func Server(dir, name string) (*tls.Config, error) {
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
		// A resumed session would not check the certificate again.
		SessionTicketsDisabled: true,
		GetConfigForClient:     func(*tls.ClientHelloInfo) (*tls.Config, error) { return Server(dir, name) },
	}, nil
}

// Client returns the TLS configuration of a client with the certificate of that name.
// It accepts only servers with a certificate of the folder's authority for the dialed
// host.
//
// The client's certificate is read for each connection. A new authority takes effect
// at the next connection whose RootCAs are those of the configuration that
// GetConfigForClient returns, as with rpc.Dial. crypto/tls does not call
// GetConfigForClient of a client, and has no hook that replaces only the authority:
// VerifyConnection would have to do all verification, without the dialed IP.
func Client(dir, name string) (*tls.Config, error) {
	return ClientFiles(path(dir, authorityName, certificateFile), path(dir, name, certificateFile), path(dir, name, keyFile))
}

// ClientFiles is Client with the files of the authority, the certificate and its key.
func ClientFiles(authority, cert, key string) (*tls.Config, error) {
	f, err := readFiles(authority, cert, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    f.authority,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			f, err := readFiles(authority, cert, key)
			return &f.pair, err
		},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return ClientFiles(authority, cert, key) },
	}, nil
}

// Principal returns the SPIFFE ID in the certificate of that name, or an error if it
// does not have exactly one URI.
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

// files are the certificate of one side, and the authority.
type files struct {
	pair      tls.Certificate
	authority *x509.CertPool
}

func read(dir, name string) (files, error) {
	return readFiles(path(dir, authorityName, certificateFile), path(dir, name, certificateFile), path(dir, name, keyFile))
}

func readFiles(authority, cert, key string) (files, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; is it among the principals that have certificates?", err)
	}
	if err != nil {
		return files{}, fmt.Errorf("read the certificate: %w", err)
	}
	text, err := os.ReadFile(authority)
	if err != nil {
		return files{}, fmt.Errorf("certificate of the authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return files{}, fmt.Errorf("certificate of the authority: %s has none", authority)
	}
	return files{pair, pool}, nil
}
