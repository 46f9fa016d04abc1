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
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestRun starts the process before there is a message store; when it comes, a
// registration and a video go over mutual TLS through the components, each of which
// appends in its own name, and the mail is a file.
func TestRun(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port, err := service.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The certificates are found in the data folder.
	s := &settings{Port: port, Store: listener.Addr().String(), DataDir: dataDir(t), MailFrom: "no-reply@localhost", videoSettings: videoSettings{MaxVideoMiB: 1}}
	certs := filepath.Join(s.DataDir, "certs")
	s.issue(t, certs)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	watching, gone := context.WithCancel(t.Context())
	go func() {
		defer gone()
		ended <- s.run(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)), nil)
	}()

	store := teststore.New(t)
	testserver.Serve(t, store, certs, listener)
	user := uuid.NewString()
	data, err := contract.Marshal(&identityv1.Register{UserId: user, Email: "ann@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	m := messagestore.NewMessage{ID: uuid.NewString(), Type: "Register", Data: data}
	if _, err := store.Write(t.Context(), messagestore.Stream("identity:command-"+user), messagestore.Any, m); err != nil {
		t.Fatal(err)
	}
	data, err = contract.Marshal(&videopublishingv1.PublishVideo{VideoId: user, OwnerId: user, SourceUri: "upload:" + user})
	if err != nil {
		t.Fatal(err)
	}
	m = messagestore.NewMessage{ID: uuid.NewString(), Type: "PublishVideo", Data: data}
	if _, err := store.Write(t.Context(), messagestore.Stream("videoPublishing:command-"+user), messagestore.Any, m); err != nil {
		t.Fatal(err)
	}
	writers := map[string]messagestore.Principal{}
	var mail string
	for m := range follow(watching, t, store) {
		writers[m.Type] = m.Writer
		if sent, err := contract.Decode[*sendemailv1.Sent](m); err == nil && m.Type == "Sent" {
			mail = sent.GetEmailId()
		}
		if writers["RegistrationEmailSent"] != "" && writers["VideoPublishingFailed"] != "" {
			break
		}
	}
	if watching.Err() != nil {
		t.Fatalf("run has ended: %v", <-ended)
	}
	for name, want := range map[string]messagestore.Principal{
		"Registered":            "spiffe://videotutorials/component/identity",
		"Sent":                  "spiffe://videotutorials/component/sendemail",
		"RegistrationEmailSent": "spiffe://videotutorials/component/identity",
		"VideoPublishingFailed": "spiffe://videotutorials/component/videopublishing",
	} {
		if writers[name] != want {
			t.Errorf("%s was written by %q, want %q", name, writers[name], want)
		}
	}
	text, err := os.ReadFile(filepath.Join(s.DataDir, "mail", mail+".eml"))
	if err != nil || !bytes.Contains(text, []byte("multipart/alternative")) {
		t.Errorf("mail: %v\n%s", err, text)
	}
	if code, reason := s.request(t, "/readyz"); code != http.StatusOK {
		t.Errorf("ready: %d %s", code, reason)
	}
	if _, metrics := s.request(t, "/metrics"); !strings.Contains(metrics, `consumer_lag_messages{consumer="components:send-email"}`) {
		t.Error("metrics lack the lag")
	} else if !strings.Contains(metrics, `videopublishing_attempts_total{code="UNREACHABLE_SOURCE"} 1`) {
		t.Error("metrics lack the video")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// follow yields the messages of the components until the context ends.
func follow(ctx context.Context, t *testing.T, store messagestore.Store) func(yield func(messagestore.Message) bool) {
	return func(yield func(messagestore.Message) bool) {
		subscription := messagestore.Subscription{Source: messagestore.OfCategories("identity", "sendEmail", "videoPublishing")}
		for event, err := range store.Subscribe(ctx, subscription) {
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			messages, _ := event.(messagestore.Messages)
			for _, m := range messages {
				if !yield(m) {
					return
				}
			}
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	for name, s := range map[string]settings{
		"NoDataDir":        {Insecure: true},
		"UnknownComponent": {DataDir: dir, Insecure: true, Only: []string{"identity", "nothing"}},
		"NoSource":         {DataDir: dir, Insecure: true, Only: []string{"videopublishing"}},
		"BadPublicURL":     {DataDir: dir, Insecure: true, PublicURL: "/here"},
	} {
		var usage *service.UsageError
		if err := s.run(t.Context(), slog.New(slog.DiscardHandler), nil); !errors.As(err, &usage) {
			t.Errorf("%s: run = %v, want a *service.UsageError", name, err)
		} else if name == "UnknownComponent" && !strings.Contains(err.Error(), "identity, sendemail") {
			t.Errorf("%v: want the names that there are", err)
		}
	}
	s := settings{DataDir: t.TempDir(), Insecure: true, Only: []string{"sendemail", "sendemail"}, MailFrom: "a@b.test"}
	if chosen, err := s.chosen(slog.New(slog.DiscardHandler), prometheus.NewRegistry()); err != nil || len(chosen) != 1 || chosen[0].name != "sendemail" {
		t.Errorf("chosen %v, %v, want sendemail once, which needs no secret", chosen, err)
	}
	s.Only = []string{"identity"}
	if _, err := s.chosen(slog.New(slog.DiscardHandler), prometheus.NewRegistry()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("identity without a secret: %v, want os.ErrNotExist", err)
	}
	s = settings{DataDir: dir, MailFrom: "a@b.test", videoSettings: videoSettings{MaxVideoMiB: 1}}
	if err := s.run(t.Context(), slog.New(slog.DiscardHandler), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without certificates: %v, want os.ErrNotExist", err)
	}
	s = settings{DataDir: dir, Insecure: true, SMTP: "http://mail.test"}
	if _, err := s.chosen(slog.New(slog.DiscardHandler), prometheus.NewRegistry()); err == nil {
		t.Error("http is taken for a mail server")
	}
}

func (s *settings) request(t *testing.T, path string) (int, string) {
	t.Helper()
	target := "http://" + service.Addr(s.Port, service.ComponentsOpsPort) + path
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// dataDir returns a data folder with a secret.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), bytes.Repeat([]byte("s"), 32), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// issue makes the certificates of the store and of every component in the folder.
func (s *settings) issue(t *testing.T, dir string) {
	t.Helper()
	authority, err := certificate.OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	principals := map[string]string{"messagestore": "messagestore"}
	for name := range s.all(slog.New(slog.DiscardHandler), prometheus.NewRegistry()) {
		principals[name] = "component/" + name
	}
	for name, principal := range principals {
		if err := authority.Issue(name, "spiffe://videotutorials/"+principal); err != nil {
			t.Fatal(err)
		}
	}
}
