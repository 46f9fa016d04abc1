package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const (
	video     = "7f1c2d3e-4a5b-4c6d-8e9f-0a1b2c3d4e5f"
	principal = "spiffe://videotutorials/application"
)

// A viewing goes over REST with TLS and to the message store over mutual TLS, with
// the principal of the certificate.
func TestRun(t *testing.T) {
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	certs := certificates(t)
	store := teststore.New(t)
	s := &settings{
		Port: testserver.FreePort(t), Certs: certs, Store: serveStore(t, store, certs),
		ViewData: testdb.New(t, "view_data", viewdata.Migrate), Secret: secretFile(t, 32),
		Media: filepath.Join(t.TempDir(), "media"), MaxVideoMiB: 1,
		TLSCert: filepath.Join(certs, "application.crt"), TLSKey: filepath.Join(certs, "application.key"),
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, log, nil) }()

	// A client that trusts the authority and has no certificate.
	trust, err := certificate.Client(certs, "application")
	if err != nil {
		t.Fatal(err)
	}
	trust.GetClientCertificate = nil
	conn, err := grpc.NewClient(service.Addr(s.Port, service.ApplicationPort), grpc.WithTransportCredentials(credentials.NewTLS(trust)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	if _, err := applicationv1.NewHomeServiceClient(conn).GetHome(ctx, &applicationv1.GetHomeRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Errorf("gRPC: %v", err)
	}

	transport := &http.Transport{TLSClientConfig: trust.Clone()}
	defer transport.CloseIdleConnections()
	url := "https://" + service.Addr(s.Port, service.RESTPort) + "/v1/videos/" + video + "/viewings"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusAccepted {
		t.Errorf("the answer is %s %s, %v", response.Status, body, err)
	}
	last, err := store.Last(ctx, "viewing-"+video, "VideoViewed")
	if err != nil || last.Writer != principal {
		t.Errorf("the stored message is %+v, %v", last, err)
	}

	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestRun_Wrong(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	none := filepath.Join(t.TempDir(), "none")
	const url = "postgres:///x"
	folder := filepath.Join(t.TempDir(), "media")
	good, short := secretFile(t, 32), secretFile(t, 31)
	for name, c := range map[string]struct {
		s     *settings
		args  []string
		usage bool
	}{
		"Arguments":      {&settings{Media: folder, MaxVideoMiB: 1, ViewData: url, Secret: good, Insecure: true}, []string{"x"}, true},
		"NoViewData":     {&settings{Media: folder, MaxVideoMiB: 1, Secret: good, Insecure: true}, nil, true},
		"NoSecret":       {&settings{Media: folder, MaxVideoMiB: 1, ViewData: url, Insecure: true}, nil, true},
		"NoSecretFile":   {&settings{Media: folder, MaxVideoMiB: 1, ViewData: url, Secret: none, Insecure: true}, nil, false},
		"ShortSecret":    {&settings{Media: folder, MaxVideoMiB: 1, ViewData: url, Secret: short, Insecure: true}, nil, false},
		"NoMedia":        {&settings{ViewData: url, Secret: good, Insecure: true, MaxVideoMiB: 1}, nil, true},
		"NoUploads":      {&settings{ViewData: url, Secret: good, Insecure: true, Media: folder}, nil, true},
		"BadMedia":       {&settings{ViewData: url, Secret: good, Insecure: true, MaxVideoMiB: 1, Media: filepath.Join(good, "x")}, nil, false},
		"NoCertificates": {&settings{Media: folder, MaxVideoMiB: 1, ViewData: url, Secret: good}, nil, true},
		"HalfTLS":        {&settings{Media: folder, MaxVideoMiB: 1, ViewData: url, Secret: good, Insecure: true, TLSCert: none}, nil, true},
		"NoSuchFile":     {&settings{Media: folder, MaxVideoMiB: 1, ViewData: url, Secret: good, Insecure: true, TLSCert: none, TLSKey: none}, nil, false},
		"NoSuchFolder":   {&settings{Media: folder, MaxVideoMiB: 1, ViewData: url, Secret: good, Certs: none}, nil, false},
		"BadURL":         {&settings{Media: folder, MaxVideoMiB: 1, ViewData: "postgres://%zz", Secret: good, Insecure: true}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := c.s.run(ctx, log, c.args)
			var usage *service.UsageError
			if err == nil || errors.As(err, &usage) != c.usage {
				t.Errorf("run: %v, want a UsageError: %t", err, c.usage)
			}
		})
	}
}

// secretFile returns a file with a secret of size bytes.
func secretFile(t *testing.T, size int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, bytes.Repeat([]byte("s"), size), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// certificates returns a folder with certificates of the application and the store.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	authority, err := certificate.OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, principal := range map[string]string{"application": principal, "messagestore": "spiffe://videotutorials/messagestore"} {
		if err := authority.Issue(name, principal); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// serveStore serves the store with mutual TLS and returns its address.
func serveStore(t *testing.T, store messagestore.Store, certs string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	testserver.Serve(t, store, certs, listener)
	return listener.Addr().String()
}
