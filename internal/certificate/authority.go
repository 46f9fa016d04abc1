// Package certificate is a certificate authority for one machine, and mutual TLS
// with its certificates. A certificate has the principal as a URI (a SPIFFE ID), and
// is valid for localhost and 127.0.0.1.
package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"videotutorials/internal/file"
)

const (
	certificateFile = ".crt"
	keyFile         = ".key"
	// authorityName is the name of the authority's files.
	authorityName = "ca"
	// authorityLife is longer than the life of a local installation.
	authorityLife = 10 * 365 * 24 * time.Hour
	// life is the life of a certificate, which is renewed renewal before its end.
	life    = 365 * 24 * time.Hour
	renewal = 90 * 24 * time.Hour
	// skew tolerates clocks that are behind.
	skew = time.Hour
)

// An Authority issues certificates into a folder, which only its user may enter,
// because it has all keys.
type Authority struct {
	dir  string
	pair tls.Certificate
}

// OpenAuthority loads the authority of the folder, ca.crt and ca.key, or creates both
// and the folder. Concurrent calls are not safe.
func OpenAuthority(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	pair, err := load(dir, authorityName)
	if errors.Is(err, fs.ErrNotExist) {
		pair, err = createAuthority(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	return &Authority{dir, pair}, nil
}

func createAuthority(dir string) (tls.Certificate, error) {
	now := time.Now()
	return create(dir, authorityName, &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Video Tutorials local authority"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}, nil)
}

// Issue creates <name>.crt and <name>.key for the principal, a URI. It keeps a
// certificate of this authority for the same principal that is valid for another
// three months.
func (a *Authority) Issue(name, principal string) error {
	if err := a.issue(name, principal, time.Now(), life); err != nil {
		return fmt.Errorf("certificate %s: %w", name, err)
	}
	return nil
}

func (a *Authority) issue(name, principal string, now time.Time, life time.Duration) error {
	id, err := url.Parse(principal)
	if err != nil {
		return err
	}
	pair, err := load(a.dir, name)
	if err == nil && a.good(pair.Leaf, id, now) {
		return nil
	}
	_, err = create(a.dir, name, &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		NotBefore:   now.Add(-skew),
		NotAfter:    now.Add(life),
		URIs:        []*url.URL{id},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, &a.pair)
	return err
}

// good reports whether Issue keeps the certificate.
func (a *Authority) good(cert *x509.Certificate, id *url.URL, now time.Time) bool {
	return len(cert.URIs) == 1 && cert.URIs[0].String() == id.String() &&
		now.Add(renewal).Before(cert.NotAfter) && cert.CheckSignatureFrom(a.pair.Leaf) == nil
}

// create stores a new key, and the certificate of the template for it, which the
// parent signs, or the key itself if there is no parent. The key is written first. A
// crash in between leaves a key without a certificate, or one that does not match it,
// and both are then created again.
func create(dir, name string, template *x509.Certificate, parent *tls.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	if parent == nil {
		parent = &tls.Certificate{Leaf: template, PrivateKey: key}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, parent.Leaf, &key.PublicKey, parent.PrivateKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := replace(path(dir, name, keyFile), "PRIVATE KEY", private); err != nil {
		return tls.Certificate{}, err
	}
	if err := replace(path(dir, name, certificateFile), "CERTIFICATE", cert); err != nil {
		return tls.Certificate{}, err
	}
	return load(dir, name)
}

func replace(path, kind string, der []byte) error {
	return file.Replace(path, bytes.NewReader(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// load reads a certificate and its key. It returns fs.ErrNotExist if a file is
// missing.
func load(dir, name string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(path(dir, name, certificateFile), path(dir, name, keyFile))
}

func path(dir, name, extension string) string { return filepath.Join(dir, name+extension) }
