package application

import (
	"container/list"
	"sync"
	"time"
)

// failures counts failed attempts by some name, as an address, in a window that
// begins with the first of them, and again when there were too many, as a lock
// does. It forgets the oldest name where it would have to know more than it has
// room for.
//
// It is the first line, of this process alone, and gone at its end. The line
// that holds is the lock of the account, which is in the log.
type failures struct {
	most   int
	window time.Duration
	room   int

	mu sync.Mutex
	// names are the elements of windows, of which the oldest is in front.
	names   map[string]*list.Element
	windows *list.List
}

// A window is the failures of one name.
type window struct {
	name  string
	count int
	ends  time.Time
}

func newFailures(most int, window time.Duration, room int) *failures {
	return &failures{most: most, window: window, room: room, names: map[string]*list.Element{}, windows: list.New()}
}

// wait returns how long nobody may try with that name; 0: one may.
func (f *failures) wait(name string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire(now)
	if e, ok := f.names[name]; ok {
		if w := e.Value.(*window); w.count >= f.most {
			return w.ends.Sub(now)
		}
	}
	return 0
}

// add counts a failure.
func (f *failures) add(name string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire(now)
	e, ok := f.names[name]
	if !ok {
		if f.windows.Len() == f.room {
			f.forget(f.windows.Front())
		}
		e = f.windows.PushBack(&window{name: name, ends: now.Add(f.window)})
		f.names[name] = e
	}
	w := e.Value.(*window)
	if w.count++; w.count == f.most {
		w.ends = now.Add(f.window)
		f.windows.MoveToBack(e)
	}
}

// reset forgets the failures of a name.
func (f *failures) reset(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.names[name]; ok {
		f.forget(e)
	}
}

// expire forgets what is over. All windows are equally long, so the oldest is
// the first to end.
func (f *failures) expire(now time.Time) {
	for e := f.windows.Front(); e != nil && !now.Before(e.Value.(*window).ends); e = f.windows.Front() {
		f.forget(e)
	}
}

func (f *failures) forget(e *list.Element) {
	f.windows.Remove(e)
	delete(f.names, e.Value.(*window).name)
}
