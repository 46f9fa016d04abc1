package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/service"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/testserver"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

func TestMain(m *testing.M) {
	testserver.Program(main)
	testdb.Main(m)
}

// TestRun starts the process before the message store. When the store starts, a
// registration and a video go over mutual TLS through the components, each of which
// writes as its own principal, and the mail is a file.
func TestRun(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port, dir := testserver.FreePort(t), dataDir(t)
	certs := filepath.Join(dir, "certs") // the default
	testserver.Certificates(t, certs, map[string]string{
		"messagestore": "messagestore", "identity": "component/identity", "sendemail": "component/sendemail", "videopublishing": "component/videopublishing",
	})
	stop := running.Start(t, func(ctx context.Context) error {
		return testserver.Run(ctx, t.Output(), []string{"VT_PORT=" + strconv.Itoa(port), "VT_MESSAGESTORE_ADDR=" + listener.Addr().String(), "VT_DATA_DIR=" + dir})
	})
	store := teststore.New(t)
	testserver.Serve(t, store, certs, listener)
	user := uuid.NewString()
	for _, command := range []proto.Message{
		&identityv1.Register{UserId: user, Email: "ann@example.org"},
		&videopublishingv1.PublishVideo{VideoId: user, OwnerId: user, SourceUri: "upload:" + user},
	} {
		data, err := contract.Marshal(command)
		if err != nil {
			t.Fatal(err)
		}
		m := messagestore.NewMessage{ID: uuid.NewString(), Type: contract.Type(command), Data: data}
		if _, err := store.Write(t.Context(), contract.Category(command).Stream(user), messagestore.Any, m); err != nil {
			t.Fatal(err)
		}
	}
	writers := map[string]messagestore.Principal{}
	var mail string
	running.Until(t, "the mail is sent and the video has failed", func() bool {
		request := messagestore.ReadRequest{Source: messagestore.OfCategories("identity", "sendEmail", "videoPublishing")}
		for m, err := range store.Read(t.Context(), request) {
			if err != nil {
				t.Fatal(err)
			}
			writers[m.Type] = m.Writer
			if sent, err := contract.Decode[*sendemailv1.Sent](m); err == nil && m.Type == "Sent" {
				mail = sent.GetEmailId()
			}
		}
		return writers["RegistrationEmailSent"] != "" && writers["VideoPublishingFailed"] != ""
	})
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
	text, err := os.ReadFile(filepath.Join(dir, "mail", mail+".eml"))
	if err != nil || !bytes.Contains(text, []byte("multipart/alternative")) {
		t.Errorf("mail: %v\n%s", err, text)
	}
	if code, reason := testserver.Get(t, port, service.ComponentsOpsPort, "/readyz"); code != http.StatusOK {
		t.Errorf("ready: %d %s", code, reason)
	}
	_, metrics := testserver.Get(t, port, service.ComponentsOpsPort, "/metrics")
	for _, want := range []string{
		`consumer_lag_messages{consumer="components:send-email"}`,
		`videopublishing_attempts_total{code="UNREACHABLE_SOURCE"} 1`,
		`videotutorials_build_info{revision=`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	stop()
}

func TestSettings(t *testing.T) {
	t.Parallel()
	dir, insecure := "VT_DATA_DIR="+dataDir(t), "VT_INSECURE=true"
	for name, test := range map[string]struct {
		env  []string
		args []string
		code int
		want string
	}{
		"NoDataDir":        {env: []string{insecure}, code: 2, want: "VT_DATA_DIR"},
		"UnknownComponent": {env: []string{dir, insecure}, args: []string{"-only", "identity,nothing"}, code: 2, want: "identity, sendemail"},
		"NoVideo":          {env: []string{dir, insecure, "VT_MAX_VIDEO_MIB=0"}, args: []string{"-only", "videopublishing"}, code: 2, want: "VT_MAX_VIDEO_MIB"},
		"BadPublicURL":     {env: []string{dir, insecure, "VT_PUBLIC_URL=/here"}, code: 2, want: "VT_PUBLIC_URL"},
		"BadMailServer":    {env: []string{dir, insecure, "VT_SMTP_URL=http://mail.test"}, code: 2, want: "VT_SMTP_URL"},
		"BadGroup":         {env: []string{dir, insecure}, args: []string{"-group", "2-of-2"}, code: 2, want: "2-of-2"},
		"NoCertificates":   {env: []string{dir}, code: 1, want: "no such file"},
		"NoSecret":         {env: []string{"VT_DATA_DIR=" + t.TempDir(), insecure}, args: []string{"-only", "identity"}, code: 1, want: "no such file"},
	} {
		if code, output := testserver.Output(t, test.env, test.args...); code != test.code || !strings.Contains(output, test.want) {
			t.Errorf("%s: exit code %d, want %d; output lacks %q:\n%s", name, code, test.code, test.want, output)
		}
	}
}

// TestOnly runs a single component, named twice, without the secret that another
// one needs.
func TestOnly(t *testing.T) {
	t.Parallel()
	port, dir := testserver.FreePort(t), t.TempDir()
	running.Start(t, func(ctx context.Context) error {
		return testserver.Run(ctx, t.Output(), []string{"VT_PORT=" + strconv.Itoa(port), "VT_DATA_DIR=" + dir, "VT_INSECURE=true"},
			"-only", "sendemail,sendemail")
	})
	running.Until(t, "it answers", func() bool {
		_, reason := testserver.Get(t, port, service.ComponentsOpsPort, "/readyz")
		return strings.Contains(reason, "components:send-email") && !strings.Contains(reason, "identity")
	})
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
