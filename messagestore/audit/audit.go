package audit

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"videotutorials/messagestore"
)

// connectTimeout bounds a try to connect, unless the URL says another.
const connectTimeout = 10 * time.Second

// An Audit says what to look at.
type Audit struct {
	// Database is the URL of the message store's database.
	Database string
	// Views is the URL of the database with View Data, whose checkpoints are
	// looked at, too. "": they are not.
	Views string
	// Self is the principal of the store's servers, which writes the claims.
	Self messagestore.Principal
	// Log gets the progress.
	Log *slog.Logger
	// ProgressEvery is the time between two reports of progress.
	ProgressEvery time.Duration
}

// A Summary is what an audit has seen.
type Summary struct {
	// Head is the highest global position.
	Messages, Streams, Head int64
	// Anonymous is how many messages were written while ownership was off.
	Anonymous int64
	// Damage is how many lines of damage were reported.
	Damage int64
}

// Run looks at the whole log and reports each damage, one call at a time. When it
// returns nil, it has looked at everything, and what was not reported is not
// there. Any error, also of report and of the context, means that it has not: what
// was reported holds, and there may be more.
func (a *Audit) Run(ctx context.Context, report func(Damage) error) (Summary, error) {
	// Before the snapshot: a view that moves on after it would seem to be ahead.
	views, err := a.viewCheckpoints(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("read the checkpoints of View Data: %w", err)
	}
	conn, err := connect(ctx, a.Database)
	if err != nil {
		return Summary{}, err
	}
	defer conn.Close(ctx)

	w := &walk{self: a.Self, checkpoints: views, reporter: reporter{to: report}}
	defer w.progress.log(a.Log, a.ProgressEvery)()
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error { return w.run(ctx, tx) })
	w.summary.Damage = w.passed
	return w.summary, err
}

// A walk is one audit on its way.
type walk struct {
	reporter
	self        messagestore.Principal
	checkpoints []checkpoint
	progress    progress
	summary     Summary
}

//go:embed sql/settings.sql
var settingsSQL string

func (w *walk) run(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, settingsSQL); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, pass := range []struct {
		name string
		run  func(context.Context, pgx.Tx) error
	}{
		{"checkpoints", w.readCheckpoints},
		{"messages", w.messages},
		{"streams", w.streams},
		{"ids", w.ids},
	} {
		w.progress.enter(pass.name)
		if err := pass.run(ctx, tx); err != nil {
			return fmt.Errorf("look at the %s: %w", pass.name, err)
		}
		if err := w.flush(); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
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
