package consumer

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
)

// TestConsumer_Group divides the entities among the members of a group.
func TestConsumer_Group(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	const streams, size = 20, 3
	fill(t, store, 2, streams)
	type handling struct {
		member int32
		stream messagestore.Stream
	}
	handled := make(chan handling, 1000)
	var seen sync.WaitGroup
	var stops []func()
	for member := range int32(size) {
		c := viewings("test", func(_ context.Context, m messagestore.Message, _ func()) error {
			handled <- handling{member, m.Stream}
			return nil
		})
		c.Group = &messagestore.ConsumerGroup{Member: member, Size: size}
		seen.Add(2 * streams)
		prepare := c.Prepare
		c.Prepare = func(m messagestore.Message) (Task, error) {
			seen.Done()
			return prepare(m)
		}
		stops = append(stops, start(t, c, store, lazy).stop)
	}
	members := map[messagestore.Stream]int32{}
	for range 2 * streams {
		h := running.Receive(t, "a message", handled)
		if before, ok := members[h.stream]; ok && before != h.member {
			t.Errorf("%s is handled by the members %d and %d", h.stream, before, h.member)
		}
		members[h.stream] = h.member
	}
	seen.Wait()
	for _, stop := range stops {
		stop()
	}
	if len(members) != streams || len(handled) > 0 {
		t.Errorf("%d entities and %d extra messages, want %d and none", len(members), len(handled), streams)
	}
}

func TestInherit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kept map[string]int64
		want int64
	}{
		"Nothing":      {map[string]int64{"test2": 9, "other+0-of-1": 9}, 0},
		"Alone":        {map[string]int64{"test": 7}, 7},
		"Smallest":     {map[string]int64{"test+0-of-2": 9, "test+1-of-2": 5}, 5},
		"MemberSilent": {map[string]int64{"test+0-of-2": 9}, 0},
		"Latest":       {map[string]int64{"test": 3, "test+0-of-2": 9, "test+1-of-2": 5, "test+0-of-3": 20}, 5},
		"NoMember":     {map[string]int64{"test+0-of-2": 9, "test+1-of-2x": 5, "test+01-of-2": 5}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := teststore.New(t)
			for id, position := range test.kept {
				data, err := contract.Marshal(&subscriberpositionv1.Read{Position: position, MessageId: uuid.NewString()})
				if err != nil {
					t.Fatal(err)
				}
				write(t, store, positionStream(id), "Read", data)
			}
			if got, err := inherit(t.Context(), store, "test"); err != nil || got.Position != test.want {
				t.Errorf("inherits %v, %v, want %d", got, err, test.want)
			}
		})
	}
}
