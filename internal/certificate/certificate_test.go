package certificate

import (
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	storeID     = "spiffe://videotutorials/messagestore"
	application = "spiffe://videotutorials/application"
)

// authority returns a folder with an authority and certificates for a server and a
// client, which are valid for the duration.
func authority(t *testing.T, life time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	a, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, principal := range map[string]string{"server": storeID, "client": application} {
		if err := a.issue(name, principal, time.Now(), life); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	home, foreign := authority(t, life), authority(t, life)
	expired := authority(t, -time.Second)
	tests := []struct {
		name           string
		server, client string
		host           string
		anonymous      bool
		rejected       bool
	}{
		{name: "Good", server: home, client: home, host: "localhost"},
		{name: "GoodByIP", server: home, client: home, host: "127.0.0.1"},
		{name: "ForeignClient", server: home, client: foreign, host: "localhost", rejected: true},
		{name: "ForeignServer", server: foreign, client: home, host: "localhost", rejected: true},
		{name: "ExpiredBoth", server: expired, client: expired, host: "localhost", rejected: true},
		{name: "ClientWithoutCertificate", server: home, client: home, host: "localhost", anonymous: true, rejected: true},
		{name: "OtherHost", server: home, client: home, host: "videotutorials.example", rejected: true},
		{name: "OtherIP", server: home, client: home, host: "127.0.0.2", rejected: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := clientSettings(t, test.client, test.host)
			if test.anonymous {
				client.GetClientCertificate = nil
			}
			principal, err := handshake(t, serverSettings(t, test.server), client)
			switch {
			case test.rejected && err == nil:
				t.Error("the handshake succeeded, want it rejected")
			case !test.rejected && err != nil:
				t.Errorf("refused: %v", err)
			case err == nil && principal != application:
				t.Errorf("the server reads %q, want %q", principal, application)
			}
		})
	}
}

// An expired certificate of either side is rejected.
func TestHandshake_Expired(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"server", "client"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := authority(t, life)
			a, err := OpenAuthority(dir)
			if err != nil {
				t.Fatal(err)
			}
			principal := map[string]string{"server": storeID, "client": application}[name]
			for _, file := range []string{name + ".crt", name + ".key"} {
				if err := os.Remove(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.issue(name, principal, time.Now(), -time.Second); err != nil {
				t.Fatal(err)
			}
			if _, err := handshake(t, serverSettings(t, dir), clientSettings(t, dir, "localhost")); err == nil {
				t.Error("the handshake succeeded, want it rejected")
			}
		})
	}
}

func TestServer_FilesChange(t *testing.T) {
	t.Parallel()
	dir, foreign := authority(t, life), authority(t, life)
	server := serverSettings(t, dir)
	stranger := clientSettings(t, foreign, "localhost")
	if _, err := handshake(t, server, stranger); err == nil {
		t.Fatal("the server accepts a client of another authority")
	}
	copyFiles(t, foreign, dir, "ca.crt", "server.crt", "server.key")
	if _, err := handshake(t, server, stranger); err != nil {
		t.Errorf("the server has not read the changed files: %v", err)
	}
}

func TestClient_FilesChange(t *testing.T) {
	t.Parallel()
	dir := authority(t, life)
	server, client := serverSettings(t, dir), clientSettings(t, dir, "localhost")
	a, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	const renamed = "spiffe://videotutorials/aggregators"
	if err := a.Issue("client", renamed); err != nil {
		t.Fatal(err)
	}
	principal, err := handshake(t, server, client)
	if err != nil || principal != renamed {
		t.Errorf("got %q, %v, want %q", principal, err, renamed)
	}
}

// GetConfigForClient returns the current authority, and the host is still verified.
func TestClient_AuthorityChanges(t *testing.T) {
	t.Parallel()
	dir, foreign := authority(t, life), authority(t, life)
	before := clientSettings(t, dir, "localhost")
	copyFiles(t, foreign, dir, "ca.crt", "client.crt", "client.key")
	server := serverSettings(t, foreign)
	for host, rejected := range map[string]bool{"localhost": false, "127.0.0.1": false, "127.0.0.2": true, "videotutorials.example": true} {
		fresh, err := before.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := before.Clone()
		client.RootCAs, client.ServerName = fresh.RootCAs, host
		if _, err := handshake(t, server, client); rejected != (err != nil) {
			t.Errorf("%s: %v, want rejected %t", host, err, rejected)
		}
	}
	if _, err := handshake(t, server, before); err == nil {
		t.Error("the client accepts the server of another authority")
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := before.GetConfigForClient(nil); err == nil {
		t.Error("no error for an invalid authority")
	}
}

// copyFiles copies the files from one folder to the other.
func copyFiles(t *testing.T, from, to string, names ...string) {
	t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func serverSettings(t *testing.T, dir string) *tls.Config {
	t.Helper()
	c, err := Server(dir, "server")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func clientSettings(t *testing.T, dir, host string) *tls.Config {
	t.Helper()
	c, err := Client(dir, "client")
	if err != nil {
		t.Fatal(err)
	}
	c.ServerName, c.NextProtos = host, []string{"h2"}
	return c
}

// handshake connects the two and returns the principal that the server reads. With
// TLS 1.3 the first read of the client returns the error of the server.
func handshake(t *testing.T, server, client *tls.Config) (string, error) {
	t.Helper()
	near, far := net.Pipe()
	principal := make(chan string, 1)
	go func() {
		defer far.Close() //nolint:errcheck // a pipe
		conn := tls.Server(far, server)
		if conn.HandshakeContext(t.Context()) != nil {
			principal <- ""
			return
		}
		principal <- conn.ConnectionState().PeerCertificates[0].URIs[0].String()
		_, _ = conn.Write([]byte("x"))
	}()
	conn := tls.Client(near, client)
	defer near.Close() //nolint:errcheck // a pipe
	_, err := io.ReadFull(conn, make([]byte, 1))
	if err != nil {
		_ = near.Close()
	}
	return <-principal, err
}

// The error for a missing certificate asks whether the principal has one.
func TestClient_None(t *testing.T) {
	t.Parallel()
	_, err := Client(authority(t, life), "rating")
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), "; is it among the principals that have certificates?") {
		t.Errorf("got %v, want the hint", err)
	}
}
