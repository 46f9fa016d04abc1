package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/postgres"
)

const (
	alice    messagestore.Principal = "spiffe://test/alice"
	bob      messagestore.Principal = "spiffe://test/bob"
	operator messagestore.Principal = "spiffe://test/operator"
	self     messagestore.Principal = "spiffe://test/messagestore"
)

// startWithPolicy starts a Store with ownership on.
func startWithPolicy(t *testing.T, url string, policy messagestore.Policy) *postgres.Store {
	policy.Operators = []messagestore.Principal{operator}
	return teststore.StartWith(t, url, postgres.Options{Policy: func() *messagestore.Policy { return &policy }, Self: self})
}

// writeAs writes a message to the stream as the principal.
func writeAs(t *testing.T, writer messagestore.Principal, store messagestore.Store, stream messagestore.Stream) error {
	_, err := store.Write(messagestore.WithPrincipal(t.Context(), writer), stream, messagestore.Any, newMessage("Happened"))
	return err
}

// logOf returns a line per message: global position, stream, position, type, writer, and
// the data of claims.
func logOf(t *testing.T, store messagestore.Store) []string {
	t.Helper()
	var lines []string
	ctx := messagestore.WithPrincipal(t.Context(), operator)
	for m, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfAll()}) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%d %s %d %s %s", m.GlobalPosition, m.Stream, m.Position, m.Type, m.Writer)
		if m.Stream.Category() == messagestore.OwnershipCategory {
			line += " " + m.Data
		}
		lines = append(lines, line)
	}
	return lines
}

func TestOwnership(t *testing.T) {
	t.Parallel()
	store := startWithPolicy(t, testdb.New(t, "message_store", postgres.Migrate), messagestore.Policy{
		Owners: map[messagestore.Category]messagestore.Principal{"pinned": alice},
	})
	ctx := messagestore.WithPrincipal(t.Context(), alice)
	wantNotOwner := func(err error, category messagestore.Category, owner messagestore.Principal) {
		t.Helper()
		var notOwner *messagestore.NotOwnerError
		if !errors.As(err, &notOwner) || *notOwner != (messagestore.NotOwnerError{Category: category, Owner: owner}) {
			t.Errorf("got %v, want category %s owned by %s", err, category, owner)
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}

	// A rejected write claims nothing; the first stored one does.
	_, err := store.Write(ctx, "a-1", 5, newMessage("Happened"))
	var conflict *messagestore.VersionConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("%v, want a version conflict", err)
	}
	check(writeAs(t, bob, store, "a-1"))
	wantNotOwner(writeAs(t, alice, store, "a-2"), "a", bob)
	// The owner is checked before the version.
	_, err = store.Write(ctx, "a-1", 5, newMessage("Happened"))
	wantNotOwner(err, "a", bob)

	check(writeAs(t, alice, store, "pinned-1"))
	wantNotOwner(writeAs(t, bob, store, "pinned-1"), "pinned", alice)
	check(writeAs(t, alice, store, "a:command-1"))
	check(writeAs(t, bob, store, "a:command-1"))
	check(writeAs(t, alice, store, "subscriberPosition-1"))
	check(writeAs(t, bob, store, "subscriberPosition-2"))
	wantNotOwner(writeAs(t, bob, store, "subscriberPosition-1"), "subscriberPosition", alice)
	wantNotOwner(writeAs(t, operator, store, "ownership-a"), "ownership", self)

	// A batch is atomic; its claims precede all its messages.
	_, err = store.WriteBatch(ctx,
		messagestore.Write{Stream: "b-1", Expected: messagestore.Any, Messages: []messagestore.NewMessage{newMessage("Happened")}},
		messagestore.Write{Stream: "a-1", Expected: messagestore.Any, Messages: []messagestore.NewMessage{newMessage("Happened")}})
	wantNotOwner(err, "a", bob)
	written, err := store.WriteBatch(ctx,
		messagestore.Write{Stream: "a-1", Expected: 0}, // owned by bob, but only checked
		messagestore.Write{Stream: "b-1", Expected: messagestore.None, Messages: []messagestore.NewMessage{newMessage("Happened")}},
		messagestore.Write{Stream: "c-1", Expected: messagestore.Any, Messages: []messagestore.NewMessage{newMessage("Happened"), newMessage("Happened")}},
		messagestore.Write{Stream: "b-1", Expected: 0, Messages: []messagestore.NewMessage{newMessage("Happened")}})
	check(err)
	if want := []messagestore.Written{{}, {Position: 0, GlobalPosition: 10}, {Position: 1, GlobalPosition: 12}, {Position: 1, GlobalPosition: 13}}; !slices.Equal(written, want) {
		t.Errorf("the batch is at %+v, want %+v", written, want)
	}

	want := []string{
		`1 ownership-a 0 Claimed ` + string(self) + ` {"owner": "` + string(bob) + `"}`,
		`2 a-1 0 Happened ` + string(bob),
		`3 pinned-1 0 Happened ` + string(alice), // pinned: nothing to claim
		`4 a:command-1 0 Happened ` + string(alice),
		`5 a:command-1 1 Happened ` + string(bob),
		`6 subscriberPosition-1 0 Happened ` + string(alice),
		`7 subscriberPosition-2 0 Happened ` + string(bob),
		`8 ownership-b 0 Claimed ` + string(self) + ` {"owner": "` + string(alice) + `"}`,
		`9 ownership-c 0 Claimed ` + string(self) + ` {"owner": "` + string(alice) + `"}`,
		`10 b-1 0 Happened ` + string(alice), `11 c-1 0 Happened ` + string(alice),
		`12 c-1 1 Happened ` + string(alice), `13 b-1 1 Happened ` + string(alice),
	}
	if got := logOf(t, store); !slices.Equal(got, want) {
		t.Errorf("the log is\n%q\nwant\n%q", got, want)
	}
}

// TestOwnership_Tail checks that the claims in the tail equal the stored ones.
func TestOwnership_Tail(t *testing.T) {
	t.Parallel()
	store := startWithPolicy(t, testdb.New(t, "message_store", postgres.Migrate), messagestore.Policy{})
	ctx, cancel := context.WithTimeout(messagestore.WithPrincipal(t.Context(), operator), 30*time.Second)
	defer cancel()
	var got []messagestore.Message
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfAll()}) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := event.(type) {
		case messagestore.CaughtUp:
			if err := writeAs(t, alice, store, "a-1"); err != nil {
				t.Fatal(err)
			}
		case messagestore.Messages:
			got = append(got, e...)
		}
		if len(got) == 2 {
			break
		}
	}
	var stored []messagestore.Message
	for m, err := range store.Read(ctx, messagestore.ReadRequest{Source: messagestore.OfAll()}) {
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, m)
	}
	if !slices.Equal(got, stored) {
		t.Errorf("pushed\n%+v\nstored\n%+v", got, stored)
	}
}

// TestOwnership_PinChanged checks that a policy that pins a category to another principal
// transfers it, whether it was claimed or pinned before, and that the log has the
// transfer.
func TestOwnership_PinChanged(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]messagestore.Policy{
		"claimed": {},
		"pinned":  {Owners: map[messagestore.Category]messagestore.Principal{"a": alice}},
	} {
		url := testdb.New(t, "message_store", postgres.Migrate)
		if err := writeAs(t, alice, startWithPolicy(t, url, first), "a-1"); err != nil {
			t.Fatal(err)
		}
		store := startWithPolicy(t, url, messagestore.Policy{Owners: map[messagestore.Category]messagestore.Principal{"a": bob}})
		if err := writeAs(t, alice, store, "a-1"); err == nil {
			t.Errorf("%s: the old owner still writes", name)
		}
		if err := writeAs(t, bob, store, "a-1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		log := logOf(t, store)
		want := ` Transferred ` + string(self) + ` {"from": "` + string(alice) + `", "owner": "` + string(bob) + `"}`
		if got := log[len(log)-2]; !strings.HasSuffix(got, want) || !strings.HasSuffix(log[len(log)-1], " Happened "+string(bob)) {
			t.Errorf("%s: %q, want %s", name, log, want)
		}
	}
}

// TestOwnership_AfterAnonymous checks that categories written only by anonymous have no
// owner.
func TestOwnership_AfterAnonymous(t *testing.T) {
	t.Parallel()
	withoutOwnership, url := teststore.Open(t)
	var notOwner *messagestore.NotOwnerError
	if _, err := withoutOwnership.Write(t.Context(), "ownership-a", messagestore.Any, newMessage("Claimed")); !errors.As(err, &notOwner) {
		t.Errorf("a claim by anonymous: %v", err)
	}
	for _, s := range []messagestore.Stream{"a-1", "pinned-1", "subscriberPosition-1"} {
		write(t, withoutOwnership, s, newMessage("Happened"))
	}
	store := startWithPolicy(t, url, messagestore.Policy{Owners: map[messagestore.Category]messagestore.Principal{"pinned": alice}})
	for range 2 {
		for _, s := range []messagestore.Stream{"a-1", "pinned-1", "subscriberPosition-1"} {
			if err := writeAs(t, alice, store, s); err != nil {
				t.Error(err)
			}
			if err := writeAs(t, bob, store, s); !errors.As(err, &notOwner) || notOwner.Owner != alice {
				t.Errorf("got %v, want the owner alice", err)
			}
		}
	}
	claimed := ` 0 Claimed ` + string(self) + ` {"owner": "` + string(alice) + `"}`
	if log := logOf(t, store); len(log) != 11 || log[3] != "4 ownership-a"+claimed || log[5] != "6 ownership-pinned"+claimed {
		t.Errorf("%q", log)
	}
}

func TestTransferOwnership(t *testing.T) {
	t.Parallel()
	store := startWithPolicy(t, testdb.New(t, "message_store", postgres.Migrate), messagestore.Policy{
		Owners: map[messagestore.Category]messagestore.Principal{"pinned": alice},
	})
	ctx := messagestore.WithPrincipal(t.Context(), operator)
	for _, step := range []struct{ to, from messagestore.Principal }{{alice, ""}, {bob, alice}, {bob, bob}} {
		if from, err := store.TransferOwnership(ctx, "a", step.to); err != nil || from != step.from {
			t.Errorf("to %s: from %q %v, want %q", step.to, from, err, step.from)
		}
		if err := writeAs(t, step.to, store, "a-1"); err != nil {
			t.Errorf("%s cannot write: %v", step.to, err)
		}
	}
	if err := writeAs(t, alice, store, "a-1"); err == nil {
		t.Error("the old owner still writes")
	}
	var operatorsOnly *messagestore.NotOperatorError
	if _, err := store.TransferOwnership(messagestore.WithPrincipal(t.Context(), bob), "a", bob); !errors.As(err, &operatorsOnly) {
		t.Errorf("a transfer by bob: %v", err)
	}
	for _, category := range []messagestore.Category{"", "a-b", "pinned", "a:command", "subscriberPosition", "ownership"} {
		var invalid *messagestore.InvalidError
		if _, err := store.TransferOwnership(ctx, category, bob); !errors.As(err, &invalid) || invalid.Violations[0].Field != "category" {
			t.Errorf("%q: got %v, want a violation of category", category, err)
		}
	}
	if got := logOf(t, store); len(got) != 5 || got[2] != `3 ownership-a 1 Transferred `+string(self)+` {"from": "`+string(alice)+`", "owner": "`+string(bob)+`"}` {
		t.Errorf("%q", got)
	}
}

// TestOwnership_Race checks that of two principals that append to a new category on two
// servers, one becomes the owner, and the log names it.
func TestOwnership_Race(t *testing.T) {
	t.Parallel()
	url := testdb.New(t, "message_store", postgres.Migrate)
	stores := []*postgres.Store{startWithPolicy(t, url, messagestore.Policy{}), startWithPolicy(t, url, messagestore.Policy{})}
	for round := range 30 {
		category := messagestore.Category(fmt.Sprintf("race%d", round))
		errs := make([]error, 8)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() {
				errs[i] = writeAs(t, []messagestore.Principal{alice, bob}[i%2], stores[i/4], category.Stream(fmt.Sprint(i)))
			})
		}
		group.Wait()
		winner := alice
		if errs[0] != nil {
			winner = bob
		}
		for i, err := range errs {
			var notOwner *messagestore.NotOwnerError
			isWinner := []messagestore.Principal{alice, bob}[i%2] == winner
			if isWinner && err != nil || !isWinner && (!errors.As(err, &notOwner) || notOwner.Owner != winner) {
				t.Errorf("%s: the owner is %s, and %d got %v", category, winner, i, err)
			}
		}
		owner, err := stores[0].Last(messagestore.WithPrincipal(t.Context(), operator), messagestore.OwnershipCategory.Stream(string(category)), "Claimed")
		if err != nil || owner.Position != 0 || owner.Data != `{"owner": "`+string(winner)+`"}` {
			t.Errorf("%s: the log has %+v %v, want %s", category, owner, err, winner)
		}
	}
}
