package torture

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"videotutorials/messagestore"
)

// mostFaults bounds how many of a kind are told: one bug has thousands.
const mostFaults = 5

// findings are the faults that were found.
type findings struct {
	mu     sync.Mutex
	faults []fault
}

// add adds what who has seen.
func (f *findings) add(who string, faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range faults {
		f.faults = append(f.faults, fault{one.kind, who + ": " + one.text})
	}
}

func (f *findings) found() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.faults) > 0
}

// report tells the faults.
func (f *findings) report(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[kind]int{}
	for _, one := range f.faults {
		if counts[one.kind]++; counts[one.kind] <= mostFaults {
			t.Error(one)
		}
	}
	if len(f.faults) > 0 {
		t.Errorf("faults: %v", counts)
	}
}

// examine asks the oracle, and returns what the ledger has in short.
func (f *findings) examine(t *testing.T, log []messagestore.Message, writers []*writer, followers []*follower, servers []*server, db *database) string {
	t.Helper()
	f.add("the log", checkLog(log)...)
	var ledger []*entry
	mine := map[messagestore.Category]bool{}
	for _, w := range writers {
		ledger = append(ledger, w.ledger...)
		mine[w.own], mine[w.contended.Category()] = true, true
	}
	f.add("the ledger", checkLedger(ledger, log, mine)...)
	for _, follower := range followers {
		want := signs(follower.subscription.Source, log, db.passing(t, follower.where))
		if follower.quiet >= silent {
			f.add(follower.name, faultf(failed, "heard nothing for %v", follower.quiet))
		}
		f.add(follower.name, checkHistory(follower.history, want, placesOf(follower.subscription.Source, log))...)
	}
	all := messagestore.OfAll()
	want := make([]sign, 0, len(log))
	for i := range log {
		want = append(want, signOf(all, &log[i]))
	}
	for _, s := range servers {
		var got []sign
		for m, err := range s.dial(t, reader).Read(t.Context(), messagestore.ReadRequest{Source: all}) {
			if err != nil {
				f.add("read by "+s.name, faultf(failed, "%v", err))
				break
			}
			got = append(got, signOf(all, &m))
		}
		f.add("read by "+s.name, checkHistory(got, want, nil)...)
	}
	counts := map[outcome]int{}
	for _, e := range ledger {
		counts[e.outcome]++
	}
	return fmt.Sprintf("%d writes acknowledged, %d refused, %d unknown", counts[acknowledged], counts[refused], counts[unknown])
}

// signs returns those of the messages at the global positions.
func signs(source messagestore.Source, log []messagestore.Message, positions []int64) []sign {
	var signs []sign
	for _, p := range positions {
		if p <= int64(len(log)) {
			signs = append(signs, signOf(source, &log[p-1]))
		}
	}
	return signs
}

// placesOf returns whether a sign is a place of the source.
func placesOf(source messagestore.Source, log []messagestore.Message) func(sign) bool {
	first := messagestore.Place{}
	if source.IsStream() {
		first.Position = -1
	}
	places := []sign{placeSign(first)}
	for i := range log {
		if m := &log[i]; !source.IsStream() || source.Has(m) {
			places = append(places, placeSign(source.Place(m)))
		}
	}
	return func(s sign) bool {
		i := s.position - first.Position
		return i >= 0 && i < int64(len(places)) && slices.Contains(places[i:i+1], s)
	}
}
