package application

import (
	"context"
	"fmt"
	"time"

	"videotutorials/messagestore"
	"videotutorials/viewdata"
)

const (
	// maxWait bounds how long a call waits for an outcome.
	maxWait = 30 * time.Second
	// lookAgain is how long nobody waits without a look: that there is an outcome
	// may have been missed.
	lookAgain = time.Second
	// lookSoon is after how long somebody looks again who was woken by one view,
	// while another has yet to follow.
	lookSoon = 20 * time.Millisecond
	// waitsOfEach and waitsOfAll bound how many calls wait. Each looks once a
	// second, which is all that it costs.
	waitsOfEach = 16
	waitsOfAll  = 1000
)

// waits are those who wait for the outcome of commands.
type waits struct {
	news  *viewdata.Listener
	slots *slots
	// stopping is closed when the application drains: then nobody waits.
	stopping <-chan struct{}
}

// parseWait returns how long a call wants to wait.
func parseWait(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	wait, err := time.ParseDuration(text)
	return wait, err == nil && wait >= 0 && wait <= maxWait
}

// checkQuestion returns what the questions for an operation have in common, or all
// that is wrong.
func checkQuestion(in interface {
	GetTraceId() string
	GetWait() string
}) (trace string, wait time.Duration, err error) {
	var bad invalidError
	id, ok := parseUUID(in.GetTraceId())
	if !ok {
		bad = append(bad, invalid("traceId", notUUID(in.GetTraceId()))...)
	}
	wait, ok = parseWait(in.GetWait())
	if !ok {
		bad = append(bad, invalid("wait", fmt.Sprintf("%s is not a time from 0s to %v, as 10s", quote(in.GetWait()), maxWait))...)
	}
	return id.String(), wait, bad.orNil()
}

// An outcome is what an operation's answer says.
type outcome interface{ GetDone() bool }

// await returns what read does: at once, or when it is done, the wait is over or
// the application stops. Who waits is bounded by the name.
func await[T outcome](ctx context.Context, w waits, who, trace string, wait time.Duration, read func(context.Context) (T, error)) (answer T, err error) {
	if wait == 0 {
		return read(ctx)
	}
	if w.slots.take(who) == 0 {
		return answer, &messagestore.ExhaustedError{RetryAfter: lookAgain, Reason: "too many wait for operations"}
	}
	defer w.slots.leave(who)
	over := time.NewTimer(wait)
	defer over.Stop()
	pause := lookAgain
	// Before the first look, so that nothing comes in between.
	woken, stop := w.news.Wait(trace)
	defer stop()
	for {
		answer, err = read(ctx)
		if err != nil || answer.GetDone() {
			return answer, err
		}
		select {
		case <-woken:
			pause = lookSoon
		case <-time.After(pause):
			pause = min(2*pause, lookAgain)
		case <-over.C:
			return answer, nil
		case <-w.stopping:
			return answer, nil
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
}
