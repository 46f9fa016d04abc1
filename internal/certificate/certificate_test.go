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

// authority returns a folder with an authority and certificates for a server and
// a client that are good for that long.
func authority(t *testing.T, good time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	a, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, principal := range map[string]string{"server": storeID, "client": application} {
		if err := a.issue(name, principal, time.Now(), good); err != nil {
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
		refused        bool
	}{
		{name: "Good", server: home, client: home, host: "localhost"},
		{name: "GoodByIP", server: home, client: home, host: "127.0.0.1"},
		{name: "ForeignClient", server: home, client: foreign, host: "localhost", refused: true},
		{name: "ForeignServer", server: foreign, client: home, host: "localhost", refused: true},
		{name: "ExpiredBoth", server: expired, client: expired, host: "localhost", refused: true},
		{name: "ClientWithoutCertificate", server: home, client: home, host: "localhost", anonymous: true, refused: true},
		{name: "OtherHost", server: home, client: home, host: "videotutorials.example", refused: true},
		{name: "OtherIP", server: home, client: home, host: "127.0.0.2", refused: true},
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
			case test.refused && err == nil:
				t.Error("the connection is there, want it refused")
			case !test.refused && err != nil:
				t.Errorf("refused: %v", err)
			case err == nil && principal != application:
				t.Errorf("the server sees %q, want %q", principal, application)
			}
		})
	}
}

// The two sides are checked one at a time: an expired client meets a good server
// of the same authority, and the other way round.
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
				t.Error("the connection is there, want it refused")
			}
		})
	}
}

func TestServer_FilesThatChange(t *testing.T) {
	t.Parallel()
	dir, foreign := authority(t, life), authority(t, life)
	server := serverSettings(t, dir)
	stranger := clientSettings(t, foreign, "localhost")
	if _, err := handshake(t, server, stranger); err == nil {
		t.Fatal("the other authority's client is let in")
	}
	for _, file := range []string{"ca.crt", "server.crt", "server.key"} {
		text, err := os.ReadFile(filepath.Join(foreign, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := handshake(t, server, stranger); err != nil {
		t.Errorf("the files have changed and the server has not seen it: %v", err)
	}
}

func TestClient_FilesThatChange(t *testing.T) {
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

// The authority of a client is that of the moment when it is asked for, and
// nothing else of the verification changes.
func TestClient_AuthorityThatChanges(t *testing.T) {
	t.Parallel()
	dir, foreign := authority(t, life), authority(t, life)
	before := clientSettings(t, dir, "localhost")
	for _, file := range []string{"ca.crt", "client.crt", "client.key"} {
		text, err := os.ReadFile(filepath.Join(foreign, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	server := serverSettings(t, foreign)
	for host, refused := range map[string]bool{"localhost": false, "127.0.0.1": false, "127.0.0.2": true, "videotutorials.example": true} {
		fresh, err := before.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := before.Clone()
		client.RootCAs, client.ServerName = fresh.RootCAs, host
		if _, err := handshake(t, server, client); refused != (err != nil) {
			t.Errorf("%s: %v, expected refused %t", host, err, refused)
		}
	}
	if _, err := handshake(t, server, before); err == nil {
		t.Error("the connection is there although its authority is another")
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := before.GetConfigForClient(nil); err == nil {
		t.Error("an authority that cannot be read is no error")
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

// handshake connects the two and returns the principal that the server sees. A
// client of TLS 1.3 learns from its first read whether it was let in.
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

// TestClient_None says what a certificate that is not there may lack.
func TestClient_None(t *testing.T) {
	t.Parallel()
	_, err := Client(authority(t, life), "rating")
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), "; is it among the principals that have certificates?") {
		t.Errorf("got %v, want the question whether it should have one", err)
	}
}
