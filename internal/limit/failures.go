package limit

import (
	"container/list"
	"sync"
	"time"
)

// Failures counts failures by key. A key that fails Max times within Window of
// its first failure is locked out for another Window.
type Failures struct {
	max    int
	window time.Duration
	room   int

	mu sync.Mutex
	// byKey has the elements of records, which are ordered by their end.
	byKey   map[string]*list.Element
	records *list.List
}

// A record is the failures of one key.
type record struct {
	key   string
	count int
	ends  time.Time
}

// NewFailures returns a Failures without any. It remembers at most room keys, and
// forgets the one whose window ends first if it needs room for another.
func NewFailures(max int, window time.Duration, room int) *Failures {
	return &Failures{max: max, window: window, room: room, byKey: map[string]*list.Element{}, records: list.New()}
}

// LockedFor returns how long the key is still locked out, 0 if it is not.
func (f *Failures) LockedFor(key string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire(now)
	if e, ok := f.byKey[key]; ok {
		if r := e.Value.(*record); r.count >= f.max {
			return r.ends.Sub(now)
		}
	}
	return 0
}

// Add records a failure of the key.
func (f *Failures) Add(key string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire(now)
	e, ok := f.byKey[key]
	if !ok {
		if f.records.Len() == f.room {
			f.remove(f.records.Front())
		}
		e = f.records.PushBack(&record{key: key, ends: now.Add(f.window)})
		f.byKey[key] = e
	}
	r := e.Value.(*record)
	if r.count++; r.count == f.max {
		r.ends = now.Add(f.window)
		f.records.MoveToBack(e)
	}
}

// Reset forgets the failures of the key.
func (f *Failures) Reset(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.byKey[key]; ok {
		f.remove(e)
	}
}

func (f *Failures) expire(now time.Time) {
	for e := f.records.Front(); e != nil && !now.Before(e.Value.(*record).ends); e = f.records.Front() {
		f.remove(e)
	}
}

func (f *Failures) remove(e *list.Element) {
	f.records.Remove(e)
	delete(f.byKey, e.Value.(*record).key)
}
