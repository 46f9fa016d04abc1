package application

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"videotutorials/internal/test/running"
	applicationv1 "videotutorials/proto/application/v1"
)

// finish inserts the user's operation into View Data. Without a code it succeeded.
func (p *creatorAPI) finish(t testing.TB, trace, code string) {
	t.Helper()
	insert(t, p.viewURL, `insert into video_operations (trace_id, video_id, succeeded, failure_reason, owner_id, failure_code)
		values ($1, $2, $3, 'for people', $4, nullif($5, ''))`, trace, aVideo, code == "", p.user, code)
}

func (p *creatorAPI) operation(t testing.TB, trace, wait string) answered {
	t.Helper()
	path := "/v1/me/operations/" + trace
	if wait != "" {
		path += "?wait=" + url.QueryEscape(wait)
	}
	return p.call(t, "GET", path, "", p.session...)
}

// D22: another user's operation is 404 in each state.
func TestGetOperation_D22(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	good, bad, none := uuid.NewString(), uuid.NewString(), uuid.NewString()
	p.finish(t, good, "")
	p.finish(t, bad, "NOT_OWNER")
	for trace, want := range map[string]string{
		good:                  `{"traceId":"` + good + `","done":true,"videoId":"` + aVideo + `"}`,
		strings.ToUpper(good): `{"traceId":"` + good + `","done":true,"videoId":"` + aVideo + `"}`,
		bad:                   `{"traceId":"` + bad + `","done":true,"videoId":"` + aVideo + `","error":{"code":"NOT_OWNER","message":"forpeople"}}`,
		none:                  `{"traceId":"` + none + `","done":false}`,
	} {
		for _, wait := range []string{"", "0s", "1ms"} {
			if got := p.operation(t, trace, wait); got.status != http.StatusOK || compact(got.body) != want {
				t.Errorf("%s: %d %s, want %s", trace, got.status, got.body, want)
			}
		}
	}
	p.session = p.api.session(t, uuid.NewString())
	for trace, want := range map[string]int{good: 404, bad: 404, none: 200} {
		for _, wait := range []string{"", "1ms"} {
			got := p.operation(t, trace, wait)
			if got.status != want || strings.Contains(got.body, aVideo) {
				t.Errorf("another user: %d %s, want %d", got.status, got.body, want)
			}
		}
	}
}

func TestGetOperation_BadInput(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	for _, c := range []struct {
		trace, wait string
		fields      []string
	}{
		{"1", "", []string{"traceId"}},
		{aKey, "31s", []string{"wait"}},
		{aKey, "30.001s", []string{"wait"}},
		{aKey, "-1s", []string{"wait"}},
		{aKey, "10", []string{"wait"}},
		{aKey, "soon", []string{"wait"}},
		{aKey, "99999999999h", []string{"wait"}},
		{"x", "1d", []string{"traceId", "wait"}},
	} {
		if got := p.operation(t, c.trace, c.wait); got.status != 400 || !slices.Equal(got.violations(t), c.fields) {
			t.Errorf("%s for %s: %d %s", c.trace, c.wait, got.status, got.body)
		}
	}
}

// The row wakes a waiting call before its next poll.
func TestGetOperation_Woken(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	p.untilListening(t)
	best := time.Hour
	for range 5 {
		trace := uuid.NewString()
		answer := make(chan answered, 1)
		go func() { answer <- p.operation(t, trace, "30s") }()
		running.Until(t, "a call waits", func() bool { return p.app.waits.semaphore.Held() > 0 })
		begin := time.Now()
		p.finish(t, trace, "")
		if got := <-answer; got.status != 200 || !decode[struct{ Done bool }](t, got.body).Done {
			t.Errorf("answer is %d %s", got.status, got.body)
		}
		best = min(best, time.Since(begin))
	}
	if best >= pollInterval/2 {
		t.Errorf("the fastest answer took %v", best)
	}
}

// untilListening waits until the application receives notifications.
func (p *creatorAPI) untilListening(t *testing.T) {
	t.Helper()
	woken, stop := p.app.listener.Wait(aKey)
	defer stop()
	running.Until(t, "the application listens", func() bool {
		execute(t, p.viewURL, "select pg_notify('operations', '"+aKey+"')")
		select {
		case <-woken:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
}

// A lost notification delays the answer until the next poll.
func TestGetOperation_Unheard(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	execute(t, p.viewURL, "drop trigger video_operations_notify on video_operations")
	answer := make(chan answered, 1)
	go func() { answer <- p.operation(t, aKey, "30s") }()
	running.Until(t, "a call waits", func() bool { return p.app.waits.semaphore.Held() > 0 })
	p.untilListening(t)
	begin := time.Now()
	p.finish(t, aKey, "")
	got := <-answer
	if got.status != 200 || !decode[struct{ Done bool }](t, got.body).Done {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Without an outcome a call answers at the end of its wait.
func TestGetOperation_WaitIsOver(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	begin := time.Now()
	const wait = 100 * time.Millisecond
	got := p.operation(t, aKey, wait.String())
	if got.status != 200 || decode[struct{ Done bool }](t, got.body).Done {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
	if took := time.Since(begin); took < wait || took > wait+20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestGetOperation_Limits(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	var all sync.WaitGroup
	for range userWaits {
		all.Go(func() {
			p.operation(t, aKey, "30s").check(t, 200)
		})
	}
	running.Until(t, "all calls wait", func() bool { return p.app.waits.semaphore.Held() == userWaits })
	if got := p.operation(t, aKey, "1s"); got.status != 429 || got.header.Get("Retry-After") != "1" {
		t.Errorf("beyond the limit: %d %s", got.status, got.body)
	}
	if got := p.operation(t, aKey, ""); got.status != 200 {
		t.Errorf("without a wait: %d %s", got.status, got.body)
	}
	// Stopping the application ends all waits.
	begin := time.Now()
	p.stop()
	all.Wait()
	if took := time.Since(begin); took > maxWait/2 {
		t.Errorf("the end took %v", took)
	}
}

func TestGetOperation_Gone(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	client := applicationv1.NewOperationsServiceClient(dial(t, p.grpc, insecure.NewCredentials()))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", p.session[1])
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := client.GetOperation(short, &applicationv1.GetOperationRequest{TraceId: aKey, Wait: "30s"})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("after the deadline: %v", err)
	}
	running.Until(t, "no call waits", func() bool { return p.app.waits.semaphore.Held() == 0 })
	execute(t, p.viewURL, "drop table video_operations")
	if got := p.operation(t, aKey, "30s"); got.status != 503 {
		t.Errorf("without View Data: %d %s", got.status, got.body)
	}
}

// A registration can be awaited without a session.
func TestGetRegistration_Woken(t *testing.T) {
	t.Parallel()
	p := startCreator(t, Config{})
	p.untilListening(t)
	answer := make(chan answered, 1)
	go func() { answer <- p.call(t, "GET", "/v1/registrations/"+aKey+"?wait=30s", "") }()
	running.Until(t, "a call waits", func() bool { return p.app.waits.semaphore.Held() > 0 })
	execute(t, p.viewURL, "insert into registrations (trace_id, user_id, succeeded) values ('"+aKey+"', '"+aUser+"', true)")
	// It is done when the user can log in.
	execute(t, p.viewURL, "insert into user_credentials (id, email, password_hash) values ('"+aUser+"', 'ann@example.com', '')")
	if got := <-answer; got.status != 200 || !strings.Contains(compact(got.body), `"done":true`) {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
	if got := p.call(t, "GET", "/v1/registrations/"+aKey+"?wait=31s", ""); got.status != 400 || !strings.Contains(got.body, `"wait"`) {
		t.Errorf("too long: %d %s", got.status, got.body)
	}
}
