// Package audit verifies a log and reports its damage.
//
// It reads the whole table with SQL in one read-only snapshot, so that it can run
// beside the servers, as any role that may select. It does not use indexes, since an
// index that lost an entry would hide the message: each pass is a sequential scan,
// sorted where an order is needed.
//
//	pass         order               finds
//	checkpoints  -                   only reads the positions of the consumers
//	messages     global position     damage that is visible in the global order
//	streams      stream, position    damage in the positions of a stream
//	ids          id                  ids that are stored twice
//
// The messages are processed one by one. In memory remains an entry of some hundred
// bytes for each category and each consumer. Postgres sorts three times in
// succession, in 64 MB per process and otherwise on disk: a log of 100 million
// messages with names of 50 bytes takes about 20 GB of temporary files.
//
// Two kinds of damage cannot be found in a log: the loss of its last messages, unless
// a checkpoint refers to them, and a message that was forged in every column.
package audit

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"videotutorials/messagestore"
)

// connectTimeout bounds an attempt to connect, unless the URL has another timeout.
const connectTimeout = 10 * time.Second

// An Audit verifies a log.
type Audit struct {
	// Database is the URL of the message store's database.
	Database string
	// Views is the URL of the database with View Data, whose checkpoints are verified
	// against the log. If it is "", they are not.
	Views string
	// Self is the principal of the store's servers, which writes the claims.
	Self messagestore.Principal
	// Log receives the progress every ProgressEvery.
	Log           *slog.Logger
	ProgressEvery time.Duration
}

// A Summary has the totals of an audit.
type Summary struct {
	// Head is the highest global position.
	Messages, Streams, Head int64
	// Anonymous is the number of messages written while ownership was off.
	Anonymous int64
	// Damage is the number of reported lines.
	Damage int64
}

// Run verifies the whole log and passes each damage to report, one call at a time.
// If it returns nil, it has verified everything and reported all damage. After any
// error, including one of report or of the context, there may be more damage than was
// reported.
func (a *Audit) Run(ctx context.Context, report func(Damage) error) (Summary, error) {
	// Read before the snapshot: a view that advances after it would seem to be ahead.
	views, err := a.viewCheckpoints(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("read the checkpoints of View Data: %w", err)
	}
	conn, err := connect(ctx, a.Database)
	if err != nil {
		return Summary{}, err
	}
	defer conn.Close(ctx)

	r := &run{self: a.Self, checkpoints: views, reporter: reporter{to: report}}
	var logger sync.WaitGroup
	defer logger.Wait()
	logging, stop := context.WithCancel(ctx)
	defer stop()
	logger.Go(func() { r.logProgress(logging, a.Log, a.ProgressEvery) })
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error { return r.passes(ctx, tx) })
	r.summary.Damage = r.reported
	return r.summary, err
}

// A run is one execution of an Audit.
type run struct {
	reporter
	self        messagestore.Principal
	checkpoints []checkpoint
	summary     Summary
	// part is the name of the current pass, and rows the number of rows it has read.
	// While Postgres sorts, rows does not change.
	part atomic.Pointer[string]
	rows atomic.Int64
}

//go:embed sql/*.sql
var queries embed.FS

// text returns the query of the file.
func text(name string) string {
	sql, err := queries.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // the name is constant
	}
	return string(sql)
}

// passes reads the log in all passes.
func (r *run) passes(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, text("settings")); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, pass := range []struct {
		name string
		run  func(context.Context, pgx.Tx) error
	}{
		{"checkpoints", r.readCheckpoints},
		{"messages", r.messages},
		{"streams", r.streams},
		{"ids", r.ids},
	} {
		r.rows.Store(0)
		r.part.Store(&pass.name)
		if err := pass.run(ctx, tx); err != nil {
			return fmt.Errorf("verify the %s: %w", pass.name, err)
		}
		if err := r.flush(); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}

// each scans each row of the query into the targets and calls f.
func (r *run) each(ctx context.Context, tx pgx.Tx, query string, targets []any, f func()) error {
	rows, _ := tx.Query(ctx, text(query)) // ForEachRow returns the error
	_, err := pgx.ForEachRow(rows, targets, func() error {
		r.rows.Add(1)
		f()
		return r.err
	})
	return err
}

// streams verifies the positions in each stream.
func (r *run) streams(ctx context.Context, tx pgx.Tx) error {
	var (
		stream, name messagestore.Stream
		last         int64 // position in the stream, -1 before the first
		lastGlobal   pgtype.Int8
		position     int64
		global       pgtype.Int8
	)
	return r.each(ctx, tx, "streams", []any{&name, &position, &global}, func() {
		if r.summary.Streams == 0 || name != stream {
			r.summary.Streams++
			stream, last, lastGlobal = name, -1, pgtype.Int8{}
		}
		damage := Damage{Stream: stream, Position: position, LastPosition: position}
		switch {
		case position < 0:
			damage.Kind = OutOfRange
			r.add(damage)
			return
		case position == last:
			damage.Kind = DuplicatePosition
			r.add(damage)
			return
		case position > last+1:
			r.add(Damage{Kind: Missing, Stream: stream, Position: last + 1, LastPosition: position - 1})
		}
		if global.Valid && lastGlobal.Valid && global.Int64 < lastGlobal.Int64 {
			damage.Kind, damage.GlobalPosition = OutOfOrder, global.Int64
			damage.Detail = fmt.Sprintf("the one before is at %d", lastGlobal.Int64)
			r.add(damage)
		}
		last, lastGlobal = position, global
	})
}

// ids finds repeated ids. The messages are only queried if there are any, since ids
// alone sort much faster.
func (r *run) ids(ctx context.Context, tx pgx.Tx) error {
	var repeated bool
	if err := tx.QueryRow(ctx, text("ids")).Scan(&repeated); err != nil || !repeated {
		return err
	}
	var m row
	var first pgtype.Int8
	return r.each(ctx, tx, "duplicates", []any{&m.stream, &m.position, &m.globalPosition, &m.id, &first}, func() {
		r.add(m.damage(DuplicateID, fmt.Sprintf("%s is at global position %d already", m.id, first.Int64)))
	})
}

func (r *run) logProgress(ctx context.Context, log *slog.Logger, every time.Duration) {
	start, ticker := time.Now(), time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if part := r.part.Load(); part != nil {
				log.Info("auditing", "part", *part, "count", r.rows.Load(), "duration", time.Since(start).Round(time.Millisecond))
			}
		case <-ctx.Done():
			return
		}
	}
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	return pgx.ConnectConfig(ctx, config)
}
