package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/messagestore"
)

const (
	// greedy is how many calls each of two principals has under way at any time:
	// together more than the queue holds, and some ten times of what a second can
	// take, since each commit is slow.
	greedy      = 150
	greedyBytes = 256 << 10
	slowCommit  = `
		create function message_store.slow() returns trigger language plpgsql as $$
		begin perform pg_sleep(0.2); return null; end $$;
		create trigger slow after insert on message_store.messages for each statement execute function message_store.slow()`
	// callFor bounds a call, and slack is for what comes between: the load has the
	// same processors as the server.
	callFor = 6 * time.Second
	slack   = 5 * time.Second
	// maxMemory is what the server may come to. Its queue is 64 MiB; the load has
	// twice of that under way.
	maxMemory = 1 << 30
)

// tally is what became of calls.
type tally struct {
	stored, refused, late, away, other atomic.Int64
	mu                                 sync.Mutex
	ids                                []string // of what was acknowledged
	slowest                            time.Duration
}

func (c *tally) String() string {
	return fmt.Sprintf("%d stored, %d refused, %d past their deadline, %d unavailable, the slowest took %v",
		c.stored.Load(), c.refused.Load(), c.late.Load(), c.away.Load(), c.slowest.Round(time.Millisecond))
}

// write makes one call and counts what became of it.
func (c *tally) write(t *testing.T, store messagestore.Store, stream messagestore.Stream, data string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), callFor)
	defer cancel()
	id := uuid.NewString()
	start := time.Now()
	_, err := store.Write(ctx, stream, messagestore.Any, messagestore.NewMessage{ID: id, Type: "Happened", Data: data})
	took := time.Since(start)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slowest = max(c.slowest, took)
	var exhausted *messagestore.ExhaustedError
	var unavailable *messagestore.UnavailableError
	switch {
	case err == nil:
		c.stored.Add(1)
		c.ids = append(c.ids, id)
	case errors.As(err, &exhausted):
		c.refused.Add(1)
	case errors.Is(err, context.DeadlineExceeded):
		c.late.Add(1)
	case errors.As(err, &unavailable):
		c.away.Add(1)
	default:
		c.other.Add(1)
		t.Errorf("write: %v", err)
	}
	return err
}

// TestOverload has two principals write far more than the server can take, and a
// third a little. Everyone gets an answer or the deadline, the third is not kept
// waiting by the others, the server's memory is bounded, nothing acknowledged is
// lost, and then all is as before.
func TestOverload(t *testing.T) { //nolint:paralleltest // TestTorture would be part of the load
	f := &findings{}
	db, servers := start(t, f)
	s := servers[0]
	conn := db.connect(t, databaseName)
	defer conn.Close(context.Background()) //nolint:errcheck // it has done its work
	if _, err := conn.Exec(t.Context(), slowCommit); err != nil {
		t.Fatal(err)
	}
	stores := map[string]messagestore.Store{}
	for _, who := range principals {
		stores[who] = s.dial(t, who)
	}
	before := &tally{}
	for range 10 {
		_ = before.write(t, stores["cat"], "cat-1", `{}`) // counted
	}

	ctx, stop := context.WithTimeout(t.Context(), *duration)
	defer stop()
	load, modest := &tally{}, &tally{}
	data := `{"a": "` + strings.Repeat("x", greedyBytes) + `"}`
	var calling sync.WaitGroup
	for n := range 2 * greedy {
		who := principals[n%2]
		calling.Go(func() {
			for ctx.Err() == nil {
				err := load.write(t, stores[who], messagestore.Category(who).Stream(strconv.Itoa(n)), data)
				var exhausted *messagestore.ExhaustedError
				if errors.As(err, &exhausted) {
					<-time.After(exhausted.RetryAfter)
				}
			}
		})
	}
	for n := range 4 {
		calling.Go(func() {
			for ctx.Err() == nil {
				_ = modest.write(t, stores["cat"], messagestore.Category("cat").Stream(strconv.Itoa(n)), `{}`) // counted
			}
		})
	}
	calling.Wait()
	memory := peakMemory(t, s)
	t.Logf("the load: %s; the modest one: %s; the server's memory was at most %d MiB", load, modest, memory>>20)

	// Who would have been let in is written; then a call is as quick as before.
	after := &tally{}
	for range 10 {
		_ = after.write(t, stores["cat"], "cat-1", `{}`) // counted
	}
	t.Logf("before: %s; after: %s", before, after)

	// Where the processors are slower than the queue is large, a deadline comes first.
	if load.refused.Load()+load.late.Load() == 0 {
		t.Error("the load was no overload: nobody was refused, nor kept waiting past the deadline")
	}
	if load.slowest > callFor+slack {
		t.Errorf("a call took %v, its deadline was %v", load.slowest, callFor)
	}
	if n := modest.refused.Load() + modest.late.Load() + modest.away.Load(); n > 0 || modest.stored.Load() == 0 {
		t.Errorf("the modest one was kept from writing by the others: %s", modest)
	}
	if memory > maxMemory {
		t.Errorf("the server took %d MiB", memory>>20)
	}
	if after.stored.Load() != 10 || after.slowest > before.slowest+slack {
		t.Errorf("before: %s, after: %s", before, after)
	}
	stored := column[string](t, db, "select id::text from message_store.messages order by id")
	for _, id := range slices.Concat(before.ids, load.ids, modest.ids, after.ids) {
		if _, found := slices.BinarySearch(stored, id); !found {
			t.Errorf("%s was acknowledged and is not stored", id)
		}
	}
	f.report(t)
}

// peakMemory returns how many bytes of memory the server has had at most.
func peakMemory(t *testing.T, s *server) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("the kernel does not say how much memory the server has had")
	return 0
}
