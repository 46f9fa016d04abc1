package torture

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"videotutorials/messagestore"
)

// mostFaults bounds the reported faults of a kind: one bug causes thousands.
const mostFaults = 5

// findings collects faults.
type findings struct {
	mu     sync.Mutex
	faults []fault
}

// add records faults found by the named observer.
func (f *findings) add(observer string, faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range faults {
		f.faults = append(f.faults, fault{one.kind, observer + ": " + one.text})
	}
}

func (f *findings) found() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.faults) > 0
}

// report fails the test with the faults.
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

// examine runs the oracle and returns a summary of the ledger.
func (f *findings) examine(t *testing.T, log []messagestore.Message, writers []*writer, subscribers []*subscriber, servers []*server, db *database) string {
	t.Helper()
	f.add("the log", checkLog(log)...)
	var ledger []*entry
	mine := map[messagestore.Category]bool{}
	for _, w := range writers {
		ledger = append(ledger, w.ledger...)
		mine[w.own], mine[w.contended.Category()] = true, true
	}
	f.add("the ledger", checkLedger(ledger, log, mine)...)
	for _, subscriber := range subscribers {
		want := deliveriesAt(subscriber.subscription.Source, log, db.passing(t, subscriber.where))
		if subscriber.silence >= maxSilence {
			f.add(subscriber.name, faultf(failed, "received nothing for %v", subscriber.silence))
		}
		f.add(subscriber.name, checkHistory(subscriber.history, want, placesOf(subscriber.subscription.Source, log))...)
	}
	all := messagestore.OfAll()
	want := make([]delivery, 0, len(log))
	for i := range log {
		want = append(want, deliveryOf(all, &log[i]))
	}
	for _, s := range servers {
		var got []delivery
		for m, err := range s.dial(t, reader).Read(t.Context(), messagestore.ReadRequest{Source: all}) {
			if err != nil {
				f.add("read by "+s.name, faultf(failed, "%v", err))
				break
			}
			got = append(got, deliveryOf(all, &m))
		}
		f.add("read by "+s.name, checkHistory(got, want, nil)...)
	}
	counts := map[outcome]int{}
	for _, e := range ledger {
		counts[e.outcome]++
	}
	return fmt.Sprintf("%d writes acknowledged, %d rejected, %d unknown", counts[acknowledged], counts[rejected], counts[unknown])
}

// deliveriesAt returns the deliveries of the messages at the global positions.
func deliveriesAt(source messagestore.Source, log []messagestore.Message, positions []int64) []delivery {
	var all []delivery
	for _, p := range positions {
		if p <= int64(len(log)) {
			all = append(all, deliveryOf(source, &log[p-1]))
		}
	}
	return all
}

// placesOf returns a function that reports whether a delivery is a place of the
// source.
func placesOf(source messagestore.Source, log []messagestore.Message) func(delivery) bool {
	first := messagestore.Place{}
	if source.IsStream() {
		first.Position = -1
	}
	places := []delivery{placeDelivery(first)}
	for i := range log {
		if m := &log[i]; !source.IsStream() || source.Has(m) {
			places = append(places, placeDelivery(source.Place(m)))
		}
	}
	return func(s delivery) bool {
		i := s.position - first.Position
		return i >= 0 && i < int64(len(places)) && slices.Contains(places[i:i+1], s)
	}
}
