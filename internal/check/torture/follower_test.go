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

// silent is two heartbeats, after which a client gives up: no server that runs is
// so for so long, whatever happens to Postgres. It ends the stream instead.
const silent = 4 * time.Second

// A follower follows a subscription and keeps a history of what it was given.
type follower struct {
	name         string
	subscription messagestore.Subscription
	where        string // the subscription in SQL
	servers      []*server
	stores       []messagestore.Store // of each server
	leg          int                  // how many signs it takes from one server; 0: all
	findings     *findings
	goal         atomic.Pointer[goal]
	ended        chan struct{}

	history  []sign
	place    *messagestore.Place
	messages int
	breaks   int
	quiet    time.Duration // the longest silence of a server that was not stopped
}

// A goal is a position that a follower is to come to.
type goal struct {
	position int64
	last     bool // it ends there
	reached  chan struct{}
}

// lead gives the followers the end of the log as their goal, and returns when they
// have come to it, or give up.
func lead(followers []*follower, log []messagestore.Message, last bool, giveUp func()) {
	timer := time.AfterFunc(reachWithin, giveUp)
	defer timer.Stop()
	goals := make([]*goal, len(followers))
	for i, f := range followers {
		goals[i] = &goal{position: f.end(log), last: last, reached: make(chan struct{})}
		f.goal.Store(goals[i])
	}
	for i, f := range followers {
		select {
		case <-goals[i].reached:
		case <-f.ended:
		}
	}
}

// newFollowers returns those of each server and one that goes from server to
// server.
func newFollowers(t *testing.T, f *findings, servers []*server) []*follower {
	t.Helper()
	var followers []*follower
	add := func(name string, s messagestore.Subscription, where string, leg int, servers ...*server) {
		one := &follower{name: name, subscription: s, where: where, servers: servers, leg: leg, findings: f, ended: make(chan struct{})}
		for _, s := range servers {
			one.stores = append(one.stores, s.dial(t, reader))
		}
		followers = append(followers, one)
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
	return followers
}

func member(n int32) messagestore.Filter {
	return messagestore.Filter{Group: &messagestore.ConsumerGroup{Member: n, Size: 3}}
}

// memberSQL is the rule of Message DB, as it has it.
func memberSQL(n int) string {
	return fmt.Sprintf(`mod(abs(left('x' || md5(split_part(substring(stream_name from position('-' in stream_name) + 1), '+', 1)), 17)::bit(64)::bigint), 3) = %d`, n)
}

// run follows until it has come to its last goal or the context ends.
func (f *follower) run(ctx context.Context) {
	defer close(f.ended)
	for server := 0; f.follow(ctx, f.servers[server], f.stores[server]); server = (server + 1) % len(f.servers) {
	}
}

// follow follows through one server, and reports whether it goes on.
func (f *follower) follow(ctx context.Context, server *server, store messagestore.Store) bool {
	heard, live := time.Now(), false
	hear := func(now bool) {
		if live && !server.stopped(heard) {
			f.quiet = max(f.quiet, time.Since(heard))
		}
		heard, live = time.Now(), now
	}
	s := f.subscription
	s.After = f.place
	taken := 0
	for event, err := range consumer.Follow(ctx, store, s, func(error) { f.breaks++; hear(false) }) {
		if ctx.Err() != nil {
			f.findings.add(f.name, faultf(failed, "stands at %+v and does not come to its goal", f.place))
			return false
		}
		if err != nil {
			f.findings.add(f.name, faultf(failed, "at %+v: %v", f.place, err))
			return false
		}
		hear(true)
		taken += f.take(event)
		if f.arrived() {
			return false
		}
		if f.leg > 0 && taken >= f.leg {
			return true
		}
	}
	return true
}

// take writes the event down and returns how many signs it was.
func (f *follower) take(event messagestore.Event) int {
	var place messagestore.Place
	signs := 1
	switch e := event.(type) {
	case messagestore.Messages:
		for i := range e {
			f.history = append(f.history, signOf(f.subscription.Source, &e[i]))
		}
		f.messages += len(e)
		place, signs = f.subscription.Source.Place(&e[len(e)-1]), len(e)
	case messagestore.CaughtUp:
		place = e.Place
		f.history = append(f.history, placeSign(place))
	case messagestore.Progress:
		place = e.Place
		f.history = append(f.history, placeSign(place))
	default:
		return 0
	}
	f.place = &place
	return signs
}

// arrived reports whether the follower has come to its last goal.
func (f *follower) arrived() bool {
	g := f.goal.Load()
	if g == nil || f.place == nil || f.place.Position < g.position {
		return false
	}
	f.goal.Store(nil)
	close(g.reached)
	return g.last
}

// end returns the last position of the source.
func (f *follower) end(log []messagestore.Message) int64 {
	for i := len(log) - 1; i >= 0; i-- {
		if m := &log[i]; !f.subscription.Source.IsStream() {
			return m.GlobalPosition
		} else if m.Stream == f.subscription.Source.Stream {
			return m.Position
		}
	}
	return 0
}

func (f *follower) String() string {
	return fmt.Sprintf("%6d messages, %3d places, %2d breaks, silence %v",
		f.messages, len(f.history)-f.messages, f.breaks, f.quiet.Round(time.Millisecond))
}
