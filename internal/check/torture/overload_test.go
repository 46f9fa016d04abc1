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
	// greedy is the number of concurrent calls of each of two principals: together
	// more than the queue holds, and about ten times the writes possible in a second,
	// because each commit is slow.
	greedy      = 150
	greedyBytes = 256 << 10
	slowCommit  = `
		create function message_store.slow() returns trigger language plpgsql as $$
		begin perform pg_sleep(0.2); return null; end $$;
		create trigger slow after insert on message_store.messages for each statement execute function message_store.slow()`
	// callFor is the deadline of a call. The slack allows for the load generator, which
	// shares the processors with the server.
	callFor = 6 * time.Second
	slack   = 5 * time.Second
	// maxMemory bounds the server's memory. Its queue is 64 MiB; the calls in progress
	// have twice that.
	maxMemory = 1 << 30
)

// A tally counts the outcomes of calls.
type tally struct {
	stored, rejected, late, away, other atomic.Int64
	mu                                  sync.Mutex
	ids                                 []string // of acknowledged messages
	slowest                             time.Duration
}

func (c *tally) String() string {
	return fmt.Sprintf("%d stored, %d rejected, %d past their deadline, %d unavailable, the slowest took %v",
		c.stored.Load(), c.rejected.Load(), c.late.Load(), c.away.Load(), c.slowest.Round(time.Millisecond))
}

// write makes one call and counts its outcome.
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
		c.rejected.Add(1)
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

// TestOverload lets two principals write far more than the server can commit, and a
// third a little. Every call must be answered or reach its deadline, the third
// principal must not be delayed by the others, the server's memory must be bounded,
// no acknowledged write may be lost, and the server must recover afterwards.
func TestOverload(t *testing.T) { //nolint:paralleltest // TestTorture would add to the load
	f := &findings{}
	db, servers := start(t, f)
	s := servers[0]
	conn := db.connect(t, databaseName)
	defer conn.Close(context.Background()) //nolint:errcheck // it has done its work
	if _, err := conn.Exec(t.Context(), slowCommit); err != nil {
		t.Fatal(err)
	}
	stores := map[string]messagestore.Store{}
	for _, principal := range principals {
		stores[principal] = s.dial(t, principal)
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
		principal := principals[n%2]
		calling.Go(func() {
			for ctx.Err() == nil {
				err := load.write(t, stores[principal], messagestore.Category(principal).Stream(strconv.Itoa(n)), data)
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
	t.Logf("the load: %s; the modest principal: %s; the server's peak memory: %d MiB", load, modest, memory>>20)

	// After the queue is empty a call is as fast as before.
	after := &tally{}
	for range 10 {
		_ = after.write(t, stores["cat"], "cat-1", `{}`) // counted
	}
	t.Logf("before: %s; after: %s", before, after)

	// On slow processors calls reach their deadline before the queue is full.
	if load.rejected.Load()+load.late.Load() == 0 {
		t.Error("the load was no overload: no call was rejected or reached its deadline")
	}
	if load.slowest > callFor+slack {
		t.Errorf("a call took %v, its deadline was %v", load.slowest, callFor)
	}
	if n := modest.rejected.Load() + modest.late.Load() + modest.away.Load(); n > 0 || modest.stored.Load() == 0 {
		t.Errorf("the modest principal was delayed by the others: %s", modest)
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
			t.Errorf("%s was acknowledged but is not stored", id)
		}
	}
	f.report(t)
}

// peakMemory returns the server's peak memory in bytes.
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
	t.Fatal("no VmHWM in the status of the server's process")
	return 0
}
