package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// seed repeats the random choices of an earlier run.
var seed = flag.Uint64("seed", 0, "seed of the tests that kill processes; 0: a new one")

// testSeed returns the value of the flag, or a new seed, and logs it.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	chosen := *seed
	if chosen == 0 {
		chosen = rand.Uint64()
	}
	t.Logf("seed: go test ./cmd/videotutorials -run %s -seed %d", t.Name(), chosen)
	return chosen
}

// killEvery is the minimal number of viewings acknowledged between two kills.
const killEvery = 60

// A poster posts viewings and records the acknowledged ones.
type poster struct {
	url   string
	acked atomic.Int64
	mu    sync.Mutex
	// traces are the trace ids of the viewings that were repeated with a key until they
	// were acknowledged.
	traces map[string]bool
	// unkeyed counts the acknowledged viewings that were posted once, without a key.
	unkeyed int
}

const (
	keyedVideo   = "11111111-1111-4111-8111-1111111111"
	unkeyedVideo = "22222222-2222-4222-8222-2222222222"
)

// run posts viewings of a video until the context ends and the last one with a key is
// acknowledged.
func (p *poster) run(ctx context.Context, n int, keyed bool) {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	video := unkeyedVideo + fmt.Sprintf("%02d", n)
	if keyed {
		video = keyedVideo + fmt.Sprintf("%02d", n)
	}
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for ctx.Err() == nil {
		key := ""
		if keyed {
			key = uuid.NewString()
		}
		trace, ok := p.post(client, video, key)
		for keyed && !ok {
			<-pace.C
			trace, ok = p.post(client, video, key)
		}
		if !ok {
			<-pace.C
			continue
		}
		p.acked.Add(1)
		p.mu.Lock()
		if keyed {
			p.traces[trace] = true
		} else {
			p.unkeyed++
		}
		p.mu.Unlock()
	}
}

// post returns the trace id of the answer, and reports whether the viewing was
// acknowledged.
func (p *poster) post(client *http.Client, video, key string) (string, bool) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.url+"/v1/videos/"+video+"/viewings", nil)
	if err != nil {
		return "", false
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", false
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	var body struct {
		TraceID string `json:"traceId"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != http.StatusAccepted {
		return "", false
	}
	return body.TraceID, true
}

// Each process, Postgres and videotutorials itself are killed while viewings are
// posted. Afterwards each acknowledged viewing is stored once, and the home page shows
// all stored ones.
func TestKill(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(testSeed(t), 0)) //nolint:gosec // must be repeatable
	data := newFolder(t)
	s := start(t, data, nil)
	env := []string{"VT_PORT=" + s.url[strings.LastIndex(s.url, ":")+1:]} // the posters use the first port

	p := &poster{url: s.url, traces: map[string]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	var posters sync.WaitGroup
	for n := range 6 {
		posters.Go(func() { p.run(ctx, n, n%2 == 0) })
	}
	targets := []string{"messagestore", "aggregators", "application", "postgres", "videotutorials"}
	targets = append(targets, targets...)
	random.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	for _, target := range targets {
		goal := p.acked.Load() + killEvery + random.Int64N(killEvery)
		s.until("viewings are acknowledged", func() bool { return p.acked.Load() >= goal })
		if target == "videotutorials" {
			s.kill()
			s = start(t, data, env)
			continue
		}
		pid := s.pids()[target]
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("kill %s, pid %d: %v", target, pid, err)
		}
		s.until(target+" runs again", func() bool { now := s.pids()[target]; return now != 0 && now != pid })
	}
	goal := p.acked.Load() + killEvery
	s.until("viewings are acknowledged after the last kill", func() bool { return p.acked.Load() >= goal })
	stop()
	posters.Wait()
	p.check(t, s)
}

// check compares the acknowledged viewings, the log and the home page.
func (p *poster) check(t *testing.T, s *system) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), exported(t, s, "VT_PSQL_MESSAGESTORE"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // only read
	var stored, keyed, unkeyed, head, gaps int
	err = conn.QueryRow(t.Context(), `
		select count(*), count(*) filter (where stream_name like $1), count(*) filter (where stream_name like $2), max(global_position),
		       (select count(*) from (select position - row_number() over (partition by stream_name order by position) as gap
		                                from message_store.messages) s where gap <> -1)
		  from message_store.messages`, "viewing-"+keyedVideo+"%", "viewing-"+unkeyedVideo+"%").Scan(&stored, &keyed, &unkeyed, &head, &gaps)
	if err != nil {
		t.Fatal(err)
	}
	if head != stored || gaps != 0 {
		t.Errorf("%d messages, the last at %d; %d have a gap in their stream", stored, head, gaps)
	}
	if keyed != len(p.traces) {
		t.Errorf("%d viewings with keys were acknowledged, %d are stored", len(p.traces), keyed)
	}
	if unkeyed < p.unkeyed {
		t.Errorf("%d viewings without keys were acknowledged, only %d are stored", p.unkeyed, unkeyed)
	}
	rows, err := conn.Query(t.Context(), "select metadata->>'traceId' from message_store.messages where stream_name like $1", "viewing-"+keyedVideo+"%")
	if err != nil {
		t.Fatal(err)
	}
	traces, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range traces {
		if !p.traces[trace] {
			t.Errorf("trace %s is stored twice or was not acknowledged", trace)
		}
		delete(p.traces, trace)
	}
	if len(p.traces) > 0 {
		t.Errorf("%d acknowledged viewings are not stored", len(p.traces))
	}
	s.shows(strconv.Itoa(stored))
	t.Logf("%d viewings are stored; %d of %d without keys were acknowledged", stored, p.unkeyed, unkeyed)
}

// exported returns the value of a variable that `videotutorials env` prints.
func exported(t *testing.T, s *system, name string) string {
	t.Helper()
	output, err := command(s.data, nil, "env").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		if value, ok := strings.CutPrefix(line, "export "+name+"="); ok {
			return strings.Trim(strings.TrimSpace(value), "'")
		}
	}
	t.Fatalf("env does not have %s", name)
	return ""
}
