package components

import (
	"testing"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// TestDerive is frozen: what one version handled, and is delivered to another
// one, must have the same ids there.
func TestDerive(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)
	const cause = "01926f4e-0000-7000-8000-000000000000"
	const golden = "019ca945-0a7b-8aa7-a71b-802313d78c34"
	first := derive("components:identity:command", "Register", cause, 0, at)
	if first != golden {
		t.Errorf("id %s, want %s", first, golden)
	}
	for name, other := range map[string]string{
		"Consumer": derive("components:identity", "Register", cause, 0, at),
		"Type":     derive("components:identity:command", "GrantAdmin", cause, 0, at),
		"Cause":    derive("components:identity:command", "Register", "01926f4e-0000-7000-8000-000000000001", 0, at),
		"Ordinal":  derive("components:identity:command", "Register", cause, 1, at),
	} {
		if other == first {
			t.Errorf("%s: another one has the same id", name)
		}
		if other[:13] != first[:13] {
			t.Errorf("%s: id %s does not begin with the time, as %s", name, other, first)
		}
	}
}

func TestCause_SettledBy(t *testing.T) {
	t.Parallel()
	cause := Cause{Message: messagestore.Message{ID: "cause", Stream: "identity:command-1", GlobalPosition: 10}}
	for name, test := range map[string]struct {
		by   contract.Metadata
		at   int64
		want bool
	}{
		"ByIt":             {contract.Metadata{CausationMessageID: "cause", CausationGlobalPosition: 10, CausationStreamName: "identity:command-1"}, 20, true},
		"ByLater":          {contract.Metadata{CausationMessageID: "later", CausationGlobalPosition: 11, CausationStreamName: "identity:command-1"}, 20, true},
		"ByLaterElsewhere": {contract.Metadata{CausationMessageID: "later", CausationGlobalPosition: 11, CausationStreamName: "sendEmail-1"}, 20, false},
		"ByEarlier":        {contract.Metadata{CausationMessageID: "earlier", CausationGlobalPosition: 9, CausationStreamName: "identity:command-1"}, 20, false},
		// An import keeps the numbers of the log that it comes from: a cause is never
		// behind its event.
		"OfAnotherLogBefore":  {contract.Metadata{CausationMessageID: "other", CausationGlobalPosition: 9000, CausationStreamName: "identity:command-1"}, 9, false},
		"OfAnotherLogLater":   {contract.Metadata{CausationMessageID: "other", CausationGlobalPosition: 9000, CausationStreamName: "identity:command-1"}, 11, true},
		"OfAnotherLogByIt":    {contract.Metadata{CausationMessageID: "cause", CausationGlobalPosition: 9000, CausationStreamName: "identity:command-1"}, 11, true},
		"OfTheOriginalLater":  {contract.Metadata{TraceID: "t"}, 11, true},
		"OfTheOriginalBefore": {contract.Metadata{TraceID: "t"}, 9, false},
	} {
		if got := cause.settledBy(messagestore.Message{GlobalPosition: test.at, Metadata: test.by.String()}); got != test.want {
			t.Errorf("%s: settled %v, want %v", name, got, test.want)
		}
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	pauses := []time.Duration{time.Second, time.Minute}
	for name, test := range map[string]struct {
		attempts attempts
		wait     time.Duration
		spent    bool
	}{
		"None":         {attempts{}, 0, false},
		"Open":         {attempts{n: 1, until: now.Add(time.Hour)}, time.Hour, false},
		"Lost":         {attempts{n: 1, until: now.Add(-time.Second)}, 0, false},
		"Failed":       {attempts{n: 2, until: now.Add(time.Hour), over: now.Add(-time.Second)}, 59 * time.Second, false},
		"FailedBefore": {attempts{n: 2, until: now.Add(time.Hour), over: now.Add(-time.Hour)}, 0, false},
		"LastOpen":     {attempts{n: 3, until: now.Add(time.Hour)}, time.Hour, true},
		"LastLost":     {attempts{n: 3, until: now.Add(-time.Hour)}, 0, true},
	} {
		if got := test.attempts.wait(pauses, now); got != test.wait {
			t.Errorf("%s: wait %v, want %v", name, got, test.wait)
		}
		if got := test.attempts.spent(pauses); got != test.spent {
			t.Errorf("%s: spent %v, want %v", name, got, test.spent)
		}
	}
	other := contract.Metadata{CausationMessageID: "other"}.String()
	mine := contract.Metadata{CausationMessageID: "mine"}.String()
	open := attempts{n: 1, cause: "mine"}
	if !open.hear(messagestore.Message{Time: now, Metadata: other}).open() {
		t.Error("an event of another cause ends the attempt")
	}
	if open.hear(messagestore.Message{Time: now, Metadata: mine}).open() {
		t.Error("an event of the cause does not end the attempt")
	}
}
