package postgres

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"videotutorials/internal/database"
	"videotutorials/messagestore"
)

// pollInterval is the time between two polls without a notification, which is only
// a hint. The poll is the one query of an idle server.
const pollInterval = time.Second

// A poller adds to the tail what other servers have written. It polls the head of
// Postgres every second, and at once after a notification or a call of poll.
type poller struct {
	config *pgx.ConnConfig
	store  *Store
	log    *slog.Logger
	self   string        // the payload of this server's own notifications
	wake   chan struct{} // buffered
	// distrust makes the next poll take the append lock: after an interrupted
	// commit, messages may be visible that a synchronous standby does not have yet.
	distrust atomic.Bool
}

// poll makes the poller poll now.
func (p *poller) poll() { signal(p.wake) }

// run polls until the context ends. It reconnects after each failure.
func (p *poller) run(ctx context.Context) error {
	delays := database.Backoff(10*time.Millisecond, time.Second)
	_, _ = backoff.Retry(ctx, func() (any, error) {
		start := time.Now()
		err := p.runConnected(ctx)
		if time.Since(start) > time.Second {
			delays.Reset()
		}
		return nil, err
	}, backoff.WithBackOff(delays), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, pause time.Duration) {
		p.log.Warn("poll the head, reconnecting", "error", err, "pause", pause)
	}))
	return nil
}

// runConnected polls over one connection until it fails.
func (p *poller) runConnected(ctx context.Context) error {
	s := session{config: p.config}
	defer s.close()
	conn, err := s.connect(ctx)
	if err == nil {
		_, err = conn.Exec(ctx, "listen message_store")
	}
	p.distrust.Store(true)
	for err == nil {
		if err = p.update(ctx, conn); err == nil {
			err = p.wait(ctx, conn)
		}
	}
	return err
}

// wait returns after a notification of another server, a call of poll, or
// pollInterval.
func (p *poller) wait(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, pollInterval)
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		select {
		case <-p.wake:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer func() { cancel(); <-woken }()
	for {
		n, err := conn.WaitForNotification(ctx)
		switch {
		case err == nil && n.Payload == p.self:
			continue
		case err == nil, (ctx.Err() != nil || pgconn.Timeout(err)) && !conn.IsClosed():
			return nil
		}
		return err
	}
}

// update brings the tail to the head of Postgres.
func (p *poller) update(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 2*connectTimeout)
	defer cancel()
	tail := p.store.tail
	last, known := tail.head()
	head, err := p.head(ctx, conn)
	if err != nil {
		return err
	}
	if !known || head.Position-last.Position > maxTailMessages {
		tail.restart(head)
		return nil
	}
	for {
		messages, err := p.read(ctx, conn, last, head)
		if errors.Is(err, errDiverged) {
			p.log.Error("the log has diverged: it was restored, or a failover lost its end",
				"position", last.Position, "message", last.ID, "head", head.Position)
			tail.restart(head)
			return nil
		}
		if err != nil {
			return err
		}
		tail.offer(last, messages)
		if last, _ = tail.head(); last.Position >= head.Position {
			tail.confirm()
			return nil
		}
	}
}

// head returns the head of Postgres. After an interrupted commit it takes the append
// lock, whose own commit waits for a synchronous standby.
func (p *poller) head(ctx context.Context, conn *pgx.Conn) (messagestore.Place, error) {
	if !p.distrust.Swap(false) {
		return place(ctx, conn.QueryRow(ctx, headSQL))
	}
	a, err := (&group{}).store(ctx, conn, &ownership{})
	if err != nil {
		p.distrust.Store(true)
		return messagestore.Place{}, err
	}
	return a.headBefore(), nil
}

// read reads messages after the place, up to the head. It returns errDiverged if
// the log that ends with the head does not have the place.
func (p *poller) read(ctx context.Context, conn *pgx.Conn, after, head messagestore.Place) ([]messagestore.Message, error) {
	if after == head {
		return nil, nil
	}
	if after.Position >= head.Position {
		return nil, errDiverged
	}
	page, err := p.store.page(ctx, conn, pageRequest{
		source: messagestore.OfAll(), filter: &messagestore.Filter{}, start: after.Position + 1, afterID: after.ID, bound: head.Position,
	})
	return page.messages, err
}
