package components

import (
	"testing"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// TestDerive checks that the derivation of ids has not changed: messages that one
// version of a component emitted must have the same ids in every other version.
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
			t.Errorf("%s: the id does not depend on it", name)
		}
		if other[:13] != first[:13] {
			t.Errorf("%s: id %s does not start with the same time as %s", name, other, first)
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
		// Imported events keep the causation positions of their former log.
		"ImportedBefore": {contract.Metadata{CausationMessageID: "other", CausationGlobalPosition: 9000, CausationStreamName: "identity:command-1"}, 9, false},
		"ImportedLater":  {contract.Metadata{CausationMessageID: "other", CausationGlobalPosition: 9000, CausationStreamName: "identity:command-1"}, 11, true},
		"ImportedByIt":   {contract.Metadata{CausationMessageID: "cause", CausationGlobalPosition: 9000, CausationStreamName: "identity:command-1"}, 11, true},
		"OriginalLater":  {contract.Metadata{TraceID: "t"}, 11, true},
		"OriginalBefore": {contract.Metadata{TraceID: "t"}, 9, false},
	} {
		if got := cause.settledBy(messagestore.Message{GlobalPosition: test.at, Metadata: test.by.String()}); got != test.want {
			t.Errorf("%s: settled %v, want %v", name, got, test.want)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	backoff := []time.Duration{time.Second, time.Minute}
	for name, test := range map[string]struct {
		history   history
		wait      time.Duration
		exhausted bool
	}{
		"Empty":        {history{}, 0, false},
		"Open":         {history{attempt: 1, until: now.Add(time.Hour)}, time.Hour, false},
		"Expired":      {history{attempt: 1, until: now.Add(-time.Second)}, 0, false},
		"Failed":       {history{attempt: 2, until: now.Add(time.Hour), ended: now.Add(-time.Second)}, 59 * time.Second, false},
		"FailedBefore": {history{attempt: 2, until: now.Add(time.Hour), ended: now.Add(-time.Hour)}, 0, false},
		"LastOpen":     {history{attempt: 3, until: now.Add(time.Hour)}, time.Hour, true},
		"LastExpired":  {history{attempt: 3, until: now.Add(-time.Hour)}, 0, true},
	} {
		if got := test.history.wait(backoff, now); got != test.wait {
			t.Errorf("%s: wait %v, want %v", name, got, test.wait)
		}
		if got := test.history.exhausted(backoff); got != test.exhausted {
			t.Errorf("%s: exhausted %v, want %v", name, got, test.exhausted)
		}
	}
	event := func(cause string) messagestore.Message {
		return messagestore.Message{Time: now, Metadata: contract.Metadata{CausationMessageID: cause}.String()}
	}
	open := history{attempt: 1, cause: "mine"}
	if !open.observe(event("other")).open() {
		t.Error("an event of another cause ends the attempt")
	}
	if open.observe(event("mine")).open() {
		t.Error("an event of the same cause does not end the attempt")
	}
}
