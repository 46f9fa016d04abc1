// Package certificate is a certificate authority for one machine, and mutual TLS
// with its certificates. A certificate has the principal as a URI (a SPIFFE ID), and
// is valid for localhost and 127.0.0.1.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

const (
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
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// OpenAuthority loads the authority of the folder, ca.crt and ca.key, or creates both
// and the folder. Concurrent calls are not safe.
func OpenAuthority(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a := &Authority{dir: dir}
	var err error
	a.cert, a.key, err = load(dir, authorityName)
	if errors.Is(err, fs.ErrNotExist) {
		err = a.create()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	return a, nil
}

func (a *Authority) create() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Video Tutorials local authority"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	a.cert, err = sign(template, template, key, key)
	if err != nil {
		return err
	}
	a.key = key
	return store(a.dir, authorityName, a.cert, key)
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
	cert, _, err := load(a.dir, name)
	if err == nil && a.good(cert, id, now) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert, err = sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		NotBefore:   now.Add(-skew),
		NotAfter:    now.Add(life),
		URIs:        []*url.URL{id},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key, a.key)
	if err != nil {
		return err
	}
	return store(a.dir, name, cert, key)
}

func (a *Authority) good(cert *x509.Certificate, id *url.URL, now time.Time) bool {
	return len(cert.URIs) == 1 && cert.URIs[0].String() == id.String() &&
		now.Add(renewal).Before(cert.NotAfter) && cert.CheckSignatureFrom(a.cert) == nil
}

// sign returns the certificate of the holder's key, signed with the parent's key.
func sign(template, parent *x509.Certificate, holder, parentKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &holder.PublicKey, parentKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func path(dir, name, extension string) string { return filepath.Join(dir, name+extension) }
