package torture

import (
	"slices"
	"testing"
	"time"

	"videotutorials/messagestore"
)

// sample returns a log of five messages and its ledger: two messages in one write,
// two in a batch over two streams, one of unknown outcome, and a rejected one.
func sample() ([]messagestore.Message, []*entry) {
	log := []messagestore.Message{
		{ID: "1", Stream: "a-1", Type: "T", Position: 0},
		{ID: "2", Stream: "a-1", Type: "T", Position: 1},
		{ID: "3", Stream: "b-1", Type: "T", Position: 0},
		{ID: "4", Stream: "a-1", Type: "T", Position: 2},
		{ID: "5", Stream: "b-1", Type: "T", Position: 1},
	}
	for i := range log {
		m := &log[i]
		m.GlobalPosition, m.Data, m.Metadata, m.Writer, m.Time = int64(i)+1, `{}`, `{}`, "w", time.Unix(int64(i), 0)
	}
	write := func(stream messagestore.Stream, expected messagestore.Version, ids ...string) messagestore.Write {
		w := messagestore.Write{Stream: stream, Expected: expected}
		for _, id := range ids {
			w.Messages = append(w.Messages, messagestore.NewMessage{ID: id, Type: "T", Data: `{}`, Metadata: `{}`})
		}
		return w
	}
	return log, []*entry{
		{[]messagestore.Write{write("a-1", -1, "1", "2")}, "w", acknowledged, []messagestore.Written{{Position: 1, GlobalPosition: 2}}},
		{[]messagestore.Write{write("b-1", -1, "3"), write("a-1", 1, "4")}, "w", acknowledged,
			[]messagestore.Written{{Position: 0, GlobalPosition: 3}, {Position: 2, GlobalPosition: 4}}},
		{[]messagestore.Write{write("b-1", 0, "5")}, "w", unknown, nil},
		{[]messagestore.Write{write("a-1", 1, "6")}, "w", rejected, nil},
	}
}

// TestOracle_Log checks that the oracle detects every damage to the log.
func TestOracle_Log(t *testing.T) {
	without := func(log []messagestore.Message, i int) []messagestore.Message {
		log = slices.Delete(log, i, i+1)
		versions := map[messagestore.Stream]int64{}
		for i := range log {
			log[i].GlobalPosition, log[i].Position = int64(i)+1, versions[log[i].Stream]
			versions[log[i].Stream]++
		}
		return log
	}
	for name, test := range map[string]struct {
		damage func(log []messagestore.Message, ledger []*entry) ([]messagestore.Message, []*entry)
		want   []kind // one of them suffices; none: no fault
	}{
		"sound": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) { return l, e }, nil},
		"unknown is not stored": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			return without(l, 4), e
		}, nil},
		"acknowledged is not stored": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			return without(without(l, 2), 2), e
		}, []kind{missing}},
		"half of a write is stored": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			e[1].outcome = unknown
			return without(l, 3), e
		}, []kind{half}},
		"half of a write is elsewhere": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			e[1].outcome = unknown
			l[3].ID, l[4].ID = l[4].ID, l[3].ID
			return l, e
		}, []kind{half}},
		"stored twice": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			again := l[2]
			again.GlobalPosition, again.Position = 6, 2
			return append(l, again), e
		}, []kind{doubled}},
		"at another position": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			e[0].written[0].GlobalPosition++
			return l, e
		}, []kind{moved}},
		"rejected is stored": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			e[2].outcome = rejected
			return l, e
		}, []kind{invented}},
		"not written": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) { return l, e[1:] }, []kind{invented}},
		"other data": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			l[1].Data = `{"a": 1}`
			return l, e
		}, []kind{changed}},
		"another writer": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			l[1].Writer = "v"
			return l, e
		}, []kind{changed}},
		"a gap in the log": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			l[4].GlobalPosition = 6
			return l, e
		}, []kind{gap}},
		"a gap in a stream": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			l[4].Position = 2
			return l, e
		}, []kind{gap}},
		"both writes of a race acknowledged": {func(l []messagestore.Message, e []*entry) ([]messagestore.Message, []*entry) {
			e[3].outcome = acknowledged
			e[3].written = []messagestore.Written{{Position: 2, GlobalPosition: 6}}
			return l, e
		}, []kind{doubled}},
	} {
		t.Run(name, func(t *testing.T) {
			log, ledger := test.damage(sample())
			faults := append(checkLog(log), checkLedger(ledger, log, map[messagestore.Category]bool{"a": true, "b": true})...)
			expect(t, faults, test.want)
		})
	}
}

// TestOracle_History checks that the oracle detects every damage to a history.
func TestOracle_History(t *testing.T) {
	log, _ := sample()
	all := messagestore.OfAll()
	var want []delivery
	for i := range log {
		want = append(want, deliveryOf(all, &log[i]))
	}
	placed := func(s delivery) bool { return s == placeDelivery(messagestore.Place{Position: 3, ID: "3"}) }
	place := placeDelivery(messagestore.Place{Position: 3, ID: "3"})
	damaged := log[3]
	damaged.Time = damaged.Time.Add(time.Microsecond)
	for name, test := range map[string]struct {
		history []delivery
		want    []kind
	}{
		"sound":                   {slices.Insert(slices.Clone(want), 3, place), nil},
		"missing":                 {slices.Delete(slices.Clone(want), 2, 3), []kind{missing}},
		"the last missing":        {want[:4], []kind{missing}},
		"doubled":                 {slices.Insert(slices.Clone(want), 3, want[2]), []kind{doubled}},
		"the last doubled":        {append(slices.Clone(want), want[4]), []kind{doubled}},
		"an earlier doubled":      {slices.Insert(slices.Clone(want), 4, want[0]), []kind{doubled}},
		"reordered":               {[]delivery{want[0], want[2], want[1], want[3], want[4]}, []kind{reordered}},
		"changed":                 {[]delivery{want[0], want[1], want[2], deliveryOf(all, &damaged), want[4]}, []kind{changed}},
		"of another subscription": {append(slices.Clone(want), delivery{position: 6}), []kind{invented}},
		"a place too early":       {slices.Insert(slices.Clone(want), 1, place), []kind{reordered}},
		"a place too late":        {append(slices.Clone(want), place), []kind{reordered}},
		"a place of other ids":    {slices.Insert(slices.Clone(want), 3, placeDelivery(messagestore.Place{Position: 3, ID: "x"})), []kind{misplaced}},
	} {
		t.Run(name, func(t *testing.T) { expect(t, checkHistory(test.history, want, placed), test.want) })
	}
}

// expect checks that a fault of one of the kinds was found or, without kinds, none.
func expect(t *testing.T, faults []fault, kinds []kind) {
	t.Helper()
	if len(kinds) == 0 && len(faults) > 0 {
		t.Errorf("faults %v, want none", faults)
	}
	if len(kinds) > 0 && !slices.ContainsFunc(faults, func(f fault) bool { return slices.Contains(kinds, f.kind) }) {
		t.Errorf("faults %v, want one of %v", faults, kinds)
	}
}
