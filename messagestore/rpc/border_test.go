package rpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"videotutorials/internal/certificate"
	"videotutorials/messagestore"
)

// secure serves the store over mutual TLS and returns its address, the folder of
// the certificates (names messagestore and application), and the server's log.
func secure(t *testing.T, store messagestore.Store) (addr, dir string, log *logBuffer) {
	t.Helper()
	dir, log = t.TempDir(), &logBuffer{}
	authority, err := certificate.OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"messagestore", "application"} {
		if err := authority.Issue(name, "spiffe://videotutorials/"+name); err != nil {
			t.Fatal(err)
		}
	}
	config, err := certificate.Server(dir, "messagestore")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(store, ServerOptions{TLS: config, Log: log.logger(), Registry: prometheus.NewRegistry()})
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- server.Run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("run the server: %v", err)
		}
	})
	return listener.Addr().String(), dir, log
}

func dialSecure(t *testing.T, addr string, config *tls.Config) *Client {
	t.Helper()
	client, err := Dial(addr, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// whoCalls is a Store whose status tells who calls.
var whoCalls = script{status: func(ctx context.Context) (messagestore.Status, error) {
	return messagestore.Status{Head: messagestore.Place{ID: string(messagestore.PrincipalOf(ctx))}}, nil
}}

func TestPrincipal(t *testing.T) {
	addr, dir, log := secure(t, whoCalls)
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	status, err := dialSecure(t, addr, config).Status(t.Context())
	if want := "spiffe://videotutorials/application"; err != nil || status.Head.ID != want {
		t.Errorf("the caller is %q %v, expected %s", status.Head.ID, err, want)
	}
	if !strings.Contains(log.String(), "principal=spiffe://videotutorials/application") {
		t.Errorf("the log does not say who called: %s", log)
	}

	for name, uris := range map[string][]string{
		"none":       nil,
		"two":        {"spiffe://videotutorials/application", "spiffe://videotutorials/operator"},
		"another":    {"https://videotutorials/application"},
		"no path":    {"spiffe://videotutorials"},
		"and a host": {"spiffe://videotutorials/application", "https://example.com/"},
	} {
		t.Run(name, func(t *testing.T) {
			config := config.Clone()
			pair := sign(t, dir, uris...)
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
			_, err := dialSecure(t, addr, config).Status(t.Context())
			if !errors.Is(err, messagestore.ErrUnauthenticated) {
				t.Errorf("%v, expected ErrUnauthenticated", err)
			}
		})
	}
	if n := strings.Count(log.String(), "not one SPIFFE ID"); n != 5 {
		t.Errorf("the log has the reason %d times, expected 5: %s", n, log)
	}
}

// TestPrincipal_NoCertificate: who has none does not come to a call.
func TestPrincipal_NoCertificate(t *testing.T) {
	addr, dir, log := secure(t, whoCalls)
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	config.GetClientCertificate = nil
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := dialSecure(t, addr, config).Status(ctx); err == nil {
		t.Error("a client without a certificate was served")
	}
	if !strings.Contains(log.String(), "TLS handshake refused") || !strings.Contains(log.String(), "certificate") {
		t.Errorf("the log does not say why: %s", log)
	}
}

// TestPrincipal_NotVerified: a server that takes any certificate, by mistake,
// believes none.
func TestPrincipal_NotVerified(t *testing.T) {
	id := &url.URL{Scheme: "spiffe", Host: "videotutorials", Path: "/application"}
	for name, ctx := range map[string]context.Context{
		"no peer":      t.Context(),
		"no TLS":       peer.NewContext(t.Context(), &peer.Peer{}),
		"not verified": peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{SPIFFEID: id}}),
	} {
		if p, err := (border{tls: true}).principal(ctx); !errors.Is(err, messagestore.ErrUnauthenticated) {
			t.Errorf("%s: %s %v, expected ErrUnauthenticated", name, p, err)
		}
	}
}

func TestPrincipal_Insecure(t *testing.T) {
	w := connect(t, whoCalls)
	status, err := w.Status(t.Context())
	if err != nil || status.Head.ID != string(messagestore.Anonymous) {
		t.Errorf("without TLS the caller is %q %v", status.Head.ID, err)
	}
}

// sign returns a certificate of the folder's authority with those URIs.
func sign(t *testing.T, dir string, uris ...string) tls.Certificate {
	t.Helper()
	authority, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, text := range uris {
		uri, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, uri)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, key.Public(), authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
