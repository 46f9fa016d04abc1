package torture

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/consumer"
)

// maxSilence is two heartbeats, after which a client gives up. A running server is
// never silent for so long, even while Postgres is down: it ends the stream instead.
const maxSilence = 4 * time.Second

// A subscriber runs a subscription and keeps the history of its events.
type subscriber struct {
	name         string
	subscription messagestore.Subscription
	where        string // the subscription in SQL
	servers      []*server
	stores       []messagestore.Store // of each server
	perServer    int                  // events received from one server before the next; 0: all
	findings     *findings
	goal         atomic.Pointer[goal]
	ended        chan struct{}

	history  []delivery
	place    *messagestore.Place
	messages int
	breaks   int
	silence  time.Duration // the longest one of a server that was not stopped
}

// A goal is a position that a subscriber has to reach.
type goal struct {
	position int64
	last     bool // the subscriber ends there
	reached  chan struct{}
}

// reachHead makes the head of the log the goal of all subscribers and returns when
// each has reached it or given up.
func reachHead(subscribers []*subscriber, log []messagestore.Message, last bool, giveUp func()) {
	timer := time.AfterFunc(reachWithin, giveUp)
	defer timer.Stop()
	goals := make([]*goal, len(subscribers))
	for i, f := range subscribers {
		goals[i] = &goal{position: f.head(log), last: last, reached: make(chan struct{})}
		f.goal.Store(goals[i])
	}
	for i, f := range subscribers {
		select {
		case <-goals[i].reached:
		case <-f.ended:
		}
	}
}

// newSubscribers returns a subscriber per kind of subscription and server, and one
// that moves from server to server.
func newSubscribers(t *testing.T, f *findings, servers []*server) []*subscriber {
	t.Helper()
	var subscribers []*subscriber
	add := func(name string, s messagestore.Subscription, where string, perServer int, servers ...*server) {
		one := &subscriber{name: name, subscription: s, where: where, servers: servers, perServer: perServer, findings: f, ended: make(chan struct{})}
		for _, s := range servers {
			one.stores = append(one.stores, s.dial(t, reader))
		}
		subscribers = append(subscribers, one)
	}
	all := messagestore.OfAll()
	for _, s := range servers {
		for _, one := range []struct {
			name   string
			source messagestore.Source
			filter messagestore.Filter
			where  string
		}{
			{"all", all, messagestore.Filter{}, "true"},
			{"stream", messagestore.OfStream("ant-contended"), messagestore.Filter{}, "stream_name = 'ant-contended'"},
			{"category", messagestore.OfCategories("bee0"), messagestore.Filter{}, "split_part(stream_name, '-', 1) = 'bee0'"},
			{"categories", messagestore.OfCategories("ant1", "bee", "cat0"), messagestore.Filter{}, "split_part(stream_name, '-', 1) in ('ant1', 'bee', 'cat0')"},
			{"a common type", all, messagestore.Filter{Types: []string{common}}, "type = 'Changed'"},
			{"a rare type", all, messagestore.Filter{Types: []string{rare, "None"}}, "type = 'Rare'"},
			{"an origin", all, messagestore.Filter{Origin: "cat1"}, "split_part(metadata->>'originStreamName', '-', 1) = 'cat1'"},
			{"member 0", all, member(0), memberSQL(0)},
			{"member 1", all, member(1), memberSQL(1)},
			{"member 2 of a category", messagestore.OfCategories("ant0"), member(2), memberSQL(2) + " and split_part(stream_name, '-', 1) = 'ant0'"},
		} {
			add(one.name+", "+s.name, messagestore.Subscription{Source: one.source, Filter: one.filter}, one.where, 0, s)
		}
	}
	add("from server to server", messagestore.Subscription{Source: all}, "true", 100, servers...)
	return subscribers
}

func member(n int32) messagestore.Filter {
	return messagestore.Filter{Group: &messagestore.ConsumerGroup{Member: n, Size: 3}}
}

// memberSQL is Message DB's condition for a member of a consumer group.
func memberSQL(n int) string {
	return fmt.Sprintf(`mod(abs(left('x' || md5(split_part(substring(stream_name from position('-' in stream_name) + 1), '+', 1)), 17)::bit(64)::bigint), 3) = %d`, n)
}

// run subscribes until it reaches its last goal or the context ends.
func (s *subscriber) run(ctx context.Context) {
	defer close(s.ended)
	for server := 0; s.subscribe(ctx, s.servers[server], s.stores[server]); server = (server + 1) % len(s.servers) {
	}
}

// subscribe subscribes at one server and reports whether to continue at the next.
func (s *subscriber) subscribe(ctx context.Context, server *server, store messagestore.Store) bool {
	lastEvent, live := time.Now(), false
	observe := func(now bool) {
		if live && !server.stopped(lastEvent) {
			s.silence = max(s.silence, time.Since(lastEvent))
		}
		lastEvent, live = time.Now(), now
	}
	subscription := s.subscription
	subscription.After = s.place
	taken := 0
	for event, err := range consumer.Follow(ctx, store, subscription, func(error) { s.breaks++; observe(false) }) {
		if ctx.Err() != nil {
			s.findings.add(s.name, faultf(failed, "is at %+v and does not reach its goal", s.place))
			return false
		}
		if err != nil {
			s.findings.add(s.name, faultf(failed, "at %+v: %v", s.place, err))
			return false
		}
		observe(true)
		taken += s.record(event)
		if s.arrived() {
			return false
		}
		if s.perServer > 0 && taken >= s.perServer {
			return true
		}
	}
	return true
}

// record appends the event to the history and returns its number of deliveries.
func (s *subscriber) record(event messagestore.Event) int {
	var place messagestore.Place
	deliveries := 1
	switch e := event.(type) {
	case messagestore.Messages:
		for i := range e {
			s.history = append(s.history, deliveryOf(s.subscription.Source, &e[i]))
		}
		s.messages += len(e)
		place, deliveries = s.subscription.Source.Place(&e[len(e)-1]), len(e)
	case messagestore.CaughtUp:
		place = e.Place
		s.history = append(s.history, placeDelivery(place))
	case messagestore.Progress:
		place = e.Place
		s.history = append(s.history, placeDelivery(place))
	default:
		return 0
	}
	s.place = &place
	return deliveries
}

// arrived reports whether the subscriber has reached its last goal.
func (s *subscriber) arrived() bool {
	g := s.goal.Load()
	if g == nil || s.place == nil || s.place.Position < g.position {
		return false
	}
	s.goal.Store(nil)
	close(g.reached)
	return g.last
}

// head returns the last position of the source.
func (s *subscriber) head(log []messagestore.Message) int64 {
	for i := len(log) - 1; i >= 0; i-- {
		if m := &log[i]; !s.subscription.Source.IsStream() {
			return m.GlobalPosition
		} else if m.Stream == s.subscription.Source.Stream {
			return m.Position
		}
	}
	return 0
}

func (s *subscriber) String() string {
	return fmt.Sprintf("%6d messages, %3d places, %2d breaks, silence %v",
		s.messages, len(s.history)-s.messages, s.breaks, s.silence.Round(time.Millisecond))
}
