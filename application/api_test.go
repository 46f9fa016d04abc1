package application

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"

	"videotutorials/internal/media"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/internal/token"
	"videotutorials/messagestore"
	"videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// An api is a running Application.
type api struct {
	app       *Application
	url, grpc string
	store     messagestore.Store
	// viewURL is View Data's for a superuser. It is empty if the test has made its own.
	viewURL string
	// stop stops it and waits for its end.
	stop   func()
	log    *lockedBuffer
	client *http.Client
}

// start runs an Application until the test ends. Config's store and View Data default
// to new ones.
func start(t testing.TB, c Config) *api {
	t.Helper()
	log := &lockedBuffer{}
	c.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Registry, c.Version, c.Secret = prometheus.NewRegistry(), "test", aSecret(t)
	c.passwordCost = cmp.Or(c.passwordCost, bcrypt.MinCost)
	c.Media = cmp.Or(c.Media, folder(t))
	if c.Store == nil {
		c.Store = teststore.New(t)
	}
	var viewURL string
	if c.ViewData == nil {
		c.ViewData, viewURL = viewData(t)
	}
	app, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	rest, rpc := listen(t), listen(t)
	stop := running.Start(t, func(ctx context.Context) error { return app.Run(ctx, rest, rpc) })
	return &api{app: app, store: c.Store, viewURL: viewURL, url: "http://" + rest.Addr().String(), grpc: rpc.Addr().String(), stop: stop, log: log, client: http.DefaultClient}
}

// folder returns a folder of videos.
func folder(t testing.TB) *media.Folder {
	t.Helper()
	f, err := media.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// aSecret returns the secret of all Applications of the tests.
func aSecret(t testing.TB) token.Secret {
	t.Helper()
	secret, err := token.NewSecret([]byte("a secret of the tests, 32 bytes!"))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// viewData returns View Data with its tables, read as the application does, and
// the superuser's URL.
func viewData(t testing.TB) (*pgxpool.Pool, string) {
	t.Helper()
	url := testdb.New(t, "view_data", viewdata.Migrate)
	return open(t, url), url
}

func open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := viewdata.Open(t.Context(), url, viewdata.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// An answered is an HTTP answer with its whole body.
type answered struct {
	status int
	header http.Header
	body   string
}

// check checks the status.
func (a answered) check(t testing.TB, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("answer is %d %s, want %d", a.status, a.body, status)
	}
}

// traceID returns the traceId of the JSON body.
func (a answered) traceID(t testing.TB) string {
	t.Helper()
	var body struct{ TraceID string }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Errorf("%q: %v", a.body, err)
	}
	return body.TraceID
}

// violations returns the fields of the BadRequest in the google.rpc.Status that the
// answer MUST be.
func (a answered) violations(t testing.TB) []string {
	t.Helper()
	var body struct {
		Code    int
		Message string
		Details []struct {
			FieldViolations []struct{ Field, Description string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	if body.Code == 0 || body.Message == "" {
		t.Errorf("%q is no google.rpc.Status", a.body)
	}
	var fields []string
	for _, d := range body.Details {
		for _, v := range d.FieldViolations {
			if v.Description == "" {
				t.Errorf("%s has no description", v.Field)
			}
			fields = append(fields, v.Field)
		}
	}
	return fields
}

// call makes a request, with alternating names and values of headers. It checks that
// the answer has one new trace id. Any goroutine may call it.
func (a *api) call(t testing.TB, method, path, body string, headers ...string) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Error(err)
		return answered{}
	}
	const sent = "11111111-1111-4111-8111-111111111111"
	r.Header.Set("X-Trace-Id", sent)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := a.client.Do(r)
	if err != nil {
		t.Error(err)
		return answered{}
	}
	defer response.Body.Close() //nolint:errcheck // it is read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
		return answered{}
	}
	ids := response.Header.Values("X-Trace-Id")
	if len(ids) != 1 || uuid.Validate(ids[0]) != nil || ids[0] == sent {
		t.Errorf("%s %.100s: %d with X-Trace-Id %q", method, path, response.StatusCode, ids)
	}
	return answered{response.StatusCode, response.Header, string(text)}
}

// record posts a viewing.
func (a *api) record(t testing.TB, video string, headers ...string) answered {
	t.Helper()
	return a.call(t, http.MethodPost, "/v1/videos/"+video+"/viewings", "", headers...)
}

// stored returns all messages of a store.
func stored(t testing.TB, store messagestore.Store) []messagestore.Message {
	t.Helper()
	var all []messagestore.Message
	for m, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfAll()}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// A lockedBuffer is a buffer that a log may write while a test reads.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
