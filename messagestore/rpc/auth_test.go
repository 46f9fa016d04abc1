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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"videotutorials/internal/certificate"
	"videotutorials/internal/test/running"
	"videotutorials/messagestore"
)

// secure serves the store over mutual TLS. It returns the address, the folder with
// the certificates messagestore and application, and the server's log.
func secure(t *testing.T, store messagestore.Store) (addr, dir string, log *logBuffer) {
	t.Helper()
	dir, log = t.TempDir(), &logBuffer{}
	issue(t, dir)
	config, err := certificate.Server(dir, "messagestore")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(store, ServerOptions{TLS: config, Log: log.logger(), Registry: prometheus.NewRegistry()})
	running.Start(t, func(ctx context.Context) error { return server.Run(ctx, listener) })
	return listener.Addr().String(), dir, log
}

// issue creates the authority of the folder and its certificates, unless they exist.
func issue(t *testing.T, dir string) {
	t.Helper()
	authority, err := certificate.OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"messagestore", "application"} {
		if err := authority.Issue(name, "spiffe://videotutorials/"+name); err != nil {
			t.Fatal(err)
		}
	}
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

// whoami is a Store whose status has the caller's principal as the id of the head.
var whoami = fakeStore{status: func(ctx context.Context) (messagestore.Status, error) {
	return messagestore.Status{Head: messagestore.Place{ID: string(messagestore.PrincipalOf(ctx))}}, nil
}}

func TestPrincipal(t *testing.T) {
	addr, dir, log := secure(t, whoami)
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	status, err := dialSecure(t, addr, config).Status(t.Context())
	if want := "spiffe://videotutorials/application"; err != nil || status.Head.ID != want {
		t.Errorf("the principal is %q %v, want %s", status.Head.ID, err, want)
	}
	if !strings.Contains(log.String(), "principal=spiffe://videotutorials/application") {
		t.Errorf("the log lacks the principal: %s", log)
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
			pair := sign(t, dir, time.Hour, uris...)
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
			_, err := dialSecure(t, addr, config).Status(t.Context())
			if !errors.Is(err, messagestore.ErrUnauthenticated) {
				t.Errorf("%v, want ErrUnauthenticated", err)
			}
		})
	}
	if n := strings.Count(log.String(), "not one SPIFFE ID"); n != 5 {
		t.Errorf("the log has the reason %d times, want 5: %s", n, log)
	}
}

// TestPrincipal_Refused checks that a client without a valid certificate makes no
// call, and that the log has the reason.
func TestPrincipal_Refused(t *testing.T) {
	foreign := t.TempDir()
	if _, err := certificate.OpenAuthority(foreign); err != nil {
		t.Fatal(err)
	}
	const application = "spiffe://videotutorials/application"
	for name, test := range map[string]struct {
		pair   func(t *testing.T, dir string) *tls.Certificate
		reason string
	}{
		"missing": {func(*testing.T, string) *tls.Certificate { return &tls.Certificate{} }, "didn't provide a certificate"},
		"foreign": {func(t *testing.T, _ string) *tls.Certificate {
			pair := sign(t, foreign, time.Hour, application)
			return &pair
		}, "unknown authority"},
		"expired": {func(t *testing.T, dir string) *tls.Certificate {
			pair := sign(t, dir, -time.Minute, application)
			return &pair
		}, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			addr, dir, log := secure(t, whoami)
			config, err := certificate.Client(dir, "application")
			if err != nil {
				t.Fatal(err)
			}
			pair := test.pair(t, dir)
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := dialSecure(t, addr, config).Status(ctx); err == nil {
				t.Error("the call succeeded")
			}
			if text := log.String(); !strings.Contains(text, "connection refused") || !strings.Contains(text, test.reason) || strings.Contains(text, "method=") {
				t.Errorf("log %s, want the reason %q and no call", text, test.reason)
			}
		})
	}
}

// TestDial_Authority checks that a running client trusts a new authority, and no
// longer the old one, from its next connection on.
func TestDial_Authority(t *testing.T) {
	addr, dir, _ := secure(t, whoami)
	old := t.TempDir()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	config, err := certificate.Client(dir, "application")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.crt", "ca.key", "messagestore.crt", "application.crt"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	issue(t, dir)
	if _, err := dialSecure(t, addr, config).Status(t.Context()); err != nil {
		t.Errorf("the new authority: %v", err)
	}
	outdated, err := certificate.Client(old, "application")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := dialSecure(t, addr, outdated).Status(ctx); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("the old authority: %v, want an error of x509", err)
	}
}

// TestPrincipal_NotVerified checks that a certificate that TLS has not verified gives
// no principal.
func TestPrincipal_NotVerified(t *testing.T) {
	id := &url.URL{Scheme: "spiffe", Host: "videotutorials", Path: "/application"}
	for name, ctx := range map[string]context.Context{
		"no peer":      t.Context(),
		"no TLS":       peer.NewContext(t.Context(), &peer.Peer{}),
		"not verified": peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{SPIFFEID: id}}),
	} {
		if p, err := (authInterceptor{tls: true}).principal(ctx); !errors.Is(err, messagestore.ErrUnauthenticated) {
			t.Errorf("%s: %s %v, want ErrUnauthenticated", name, p, err)
		}
	}
}

func TestPrincipal_Insecure(t *testing.T) {
	w := connect(t, whoami)
	status, err := w.Status(t.Context())
	if err != nil || status.Head.ID != string(messagestore.Anonymous) {
		t.Errorf("without TLS the principal is %q %v, want anonymous", status.Head.ID, err)
	}
}

// sign returns a certificate of the folder's authority with the URIs. It expires
// after life.
func sign(t *testing.T, dir string, life time.Duration, uris ...string) tls.Certificate {
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
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
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
