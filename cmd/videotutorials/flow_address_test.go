package main

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// Of 200 concurrent registrations with one address one succeeds. The others are
// rejected with EMAIL_TAKEN, in the answer or in the operation.
func TestFlow02_OneAddress(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil)
	const n = 200
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	outcomes := make(chan string, n)
	var going sync.WaitGroup
	for range n {
		going.Go(func() { outcomes <- s.outcome(&http.Client{Transport: transport}, "ann@example.org") })
	}
	going.Wait()
	close(outcomes)
	counts := map[string]int{}
	for outcome := range outcomes {
		counts[outcome]++
	}
	if counts["registered"] != 1 || counts["EMAIL_TAKEN"] != n-1 {
		t.Errorf("outcomes %v, want 1 registered and %d EMAIL_TAKEN", counts, n-1)
	}
	if n := s.count("select count(*) from message_store.messages where type = 'Registered'"); n != 1 {
		t.Errorf("%d Registered, want 1", n)
	}
	s.until("a mail is written", func() bool { return len(s.mails()) > 0 })
	if n := len(s.mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// outcome registers, and returns "registered" or the code of the error. It repeats
// the request until the outcome is known, with one idempotency key.
func (s *system) outcome(client *http.Client, email string) string {
	outcome, key := "no answer", uuid.NewString()
	eventually(waitLimit, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), answerTime)
		defer cancel()
		status, answer := submit(ctx, client, s.url+"/v1/users", registration(email), key)
		switch status {
		case http.StatusAccepted:
			outcome = s.operationOutcome(answer.text("operation"))
		case http.StatusBadRequest:
			outcome = answer.list("details")[0].list("fieldViolations")[0].text("reason")
		case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 0:
			return false
		default:
			outcome = http.StatusText(status)
		}
		return true
	})
	return outcome
}

func submit(ctx context.Context, client *http.Client, url, form, key string) (int, object) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString(form))
	if err != nil {
		return 0, nil
	}
	request.Header.Set("Idempotency-Key", key)
	response, err := client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close() //nolint:errcheck // only read
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		return 0, nil
	}
	return response.StatusCode, fields(body.Bytes())
}

func (s *system) operationOutcome(path string) string {
	outcome := "not done"
	eventually(waitLimit, func() bool {
		_, operation := s.get(path)
		switch {
		case operation["done"] != true:
			return false
		case operation["error"] != nil:
			outcome = operation.object("error").text("code")
		default:
			outcome = "registered"
		}
		return true
	})
	return outcome
}
