package postgres

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"videotutorials/messagestore"
)

// lookAfter is how long the watch waits for a notification before it looks at the
// head anyway: a notification is a hint, the head is the truth. It is the one
// query of an idle server.
const lookAfter = time.Second

// A watch keeps the tail up with what other servers write: it looks at the head
// when it is told that there is something, and each second.
type watch struct {
	config *pgx.ConnConfig
	store  *Store
	tail   *tail
	log    *slog.Logger
	self   string // what this server notifies with

	// poke interrupts the wait for a notification; it holds one.
	poke chan struct{}
	// distrust makes the next look pass the lock: what an interrupted commit has
	// left can be seen before a synchronous standby has it.
	distrust atomic.Bool
}

// look makes the watch look at the head now.
func (w *watch) look() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// run watches until the context ends. It connects again after each failure.
func (w *watch) run(ctx context.Context) error {
	pause := 10 * time.Millisecond
	for ctx.Err() == nil {
		start := time.Now()
		if err := w.connected(ctx); ctx.Err() == nil {
			w.log.Warn("watch the head, will connect again", "err", err)
		}
		if time.Since(start) > time.Second {
			pause = 10 * time.Millisecond
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, time.Second)
	}
	return nil
}

// connected watches over one connection.
func (w *watch) connected(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return err
	}
	defer closeConn(conn)
	if _, err := conn.Exec(ctx, "listen message_store"); err != nil {
		return err
	}
	w.distrust.Store(true)
	for {
		if err := w.update(ctx, conn); err != nil {
			return err
		}
		if err := w.wait(ctx, conn); err != nil {
			return err
		}
	}
}

// wait returns at a notification of another server, a poke, or after a second.
func (w *watch) wait(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, lookAfter)
	defer cancel()
	poked := make(chan struct{})
	go func() {
		defer close(poked)
		select {
		case <-w.poke:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer func() { cancel(); <-poked }()
	for {
		n, err := conn.WaitForNotification(ctx)
		switch {
		case err == nil && n.Payload == w.self:
			continue
		case err == nil, ctx.Err() != nil && !conn.IsClosed(), pgconn.Timeout(err) && !conn.IsClosed():
			return nil
		}
		return err
	}
}

// update brings the tail to the head of Postgres.
func (w *watch) update(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 2*connectTimeout)
	defer cancel()
	end, known := w.tail.place()
	head, err := w.headNow(ctx, conn)
	if err != nil {
		return err
	}
	if !known || head.Position-end.Position > maxTailMessages {
		w.tail.restart(head)
		return nil
	}
	for {
		messages, err := w.between(ctx, conn, end, head)
		if errors.Is(err, errOtherLog) {
			w.log.Error("the log is another one than was read: it was restored, or a failover lost its end",
				"position", end.Position, "id", end.ID, "head", head.Position)
			w.tail.restart(head)
			return nil
		}
		if err != nil {
			return err
		}
		w.tail.offer(end, messages)
		if end, _ = w.tail.place(); end.Position >= head.Position {
			w.tail.confirm()
			return nil
		}
	}
}

// headNow returns the place of the last message in Postgres. Where something may
// have been left by an interrupted commit it passes the lock, whose own commit
// waits for a synchronous standby.
func (w *watch) headNow(ctx context.Context, conn *pgx.Conn) (messagestore.Place, error) {
	if !w.distrust.Swap(false) {
		return place(ctx, conn.QueryRow(ctx, headSQL))
	}
	result, err := (&group{}).store(ctx, conn, &ownership{})
	if err != nil {
		w.distrust.Store(true)
		return messagestore.Place{}, err
	}
	return result.before(), nil
}

// between reads what follows the place, up to the head. It returns errOtherLog
// where the place is not in the log that ends with the head, which was looked at
// later.
func (w *watch) between(ctx context.Context, conn *pgx.Conn, place, head messagestore.Place) ([]messagestore.Message, error) {
	if place == head {
		return nil, nil
	}
	if place.Position >= head.Position {
		return nil, errOtherLog
	}
	after, err := proof(place)
	if err != nil {
		return nil, err
	}
	p, err := w.store.page(ctx, conn, pageRequest{
		source: messagestore.OfAll(), filter: &messagestore.Filter{}, start: place.Position + 1, afterID: after, bound: head.Position,
	})
	return p.messages, err
}

// proof returns the id of the place as page wants it: nil for the place before
// the first message.
func proof(place messagestore.Place) (*uuid, error) {
	if place.ID == "" {
		return nil, nil
	}
	id, err := parseUUID(place.ID)
	return &id, err
}

// unbounded is a bound that bounds nothing.
const unbounded = math.MaxInt64

// A notifier tells the other servers that something was written: after the
// commit and from a connection of its own, since a notification inside of the
// write would hold a lock of the whole cluster through the flush.
type notifier struct {
	config *pgx.ConnConfig
	self   string
	log    *slog.Logger
	signal chan struct{} // holds one
	// messages are those that were committed since others were told.
	messages atomic.Int64
}

// notifyEvery bounds how often others are told, and notifyBusyEvery where
// subscribers of a busy log have as much time anyway.
const (
	notifyEvery     = quietBeat
	notifyBusyEvery = busyBeat / 2
)

// committed says that so many messages were.
func (n *notifier) committed(messages int) {
	n.messages.Add(int64(messages))
	select {
	case n.signal <- struct{}{}:
	default:
	}
}

func (n *notifier) run(ctx context.Context) error {
	var conn *pgx.Conn
	defer func() { closeConn(conn) }()
	var written pace
	begun := time.Now()
	for {
		select {
		case <-n.signal:
		case <-ctx.Done():
			return nil
		}
		pause := notifyEvery
		if written.busy(time.Since(begun), int(n.messages.Swap(0))) {
			pause = notifyBusyEvery
		}
		err := n.notify(ctx, &conn)
		if err != nil && ctx.Err() == nil {
			// The others look by themselves each second.
			n.log.Warn("notify the other servers", "err", err)
			closeConn(conn)
			conn = nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (n *notifier) notify(ctx context.Context, conn **pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if *conn == nil {
		c, err := pgx.ConnectConfig(ctx, n.config)
		if err != nil {
			return err
		}
		*conn = c
	}
	_, err := (*conn).Exec(ctx, "select pg_notify('message_store', $1)", n.self)
	return err
}
