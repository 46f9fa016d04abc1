package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"videotutorials/internal/file"
)

const (
	certificateFile = ".crt"
	keyFile         = ".key"
)

// load reads a certificate and its key. It returns fs.ErrNotExist if a file is
// missing.
func load(dir, name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	pair, err := tls.LoadX509KeyPair(path(dir, name, certificateFile), path(dir, name, keyFile))
	if err != nil {
		return nil, nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("%s is not an ECDSA key", path(dir, name, keyFile))
	}
	return pair.Leaf, key, nil
}

// store writes both files, the key first. A crash in between leaves a key without a
// certificate, or one that does not match it, and both are then created again.
func store(dir, name string, cert *x509.Certificate, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := replace(path(dir, name, keyFile), "PRIVATE KEY", der); err != nil {
		return err
	}
	return replace(path(dir, name, certificateFile), "CERTIFICATE", cert.Raw)
}

func replace(path, kind string, der []byte) error {
	return file.Replace(path, bytes.NewReader(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}
