package audit

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
)

// A checkpoint is the place up to which a consumer has handled the log.
type checkpoint struct {
	stream   messagestore.Stream
	position int64
	id       pgtype.UUID // not valid: not known, as in the original's messages
}

func (c *checkpoint) damage(kind Kind, detail string) Damage {
	return Damage{Kind: kind, Stream: c.stream, Position: c.position, LastPosition: c.position, Detail: detail}
}

//go:embed sql/views.sql
var viewsSQL string

// viewCheckpoints returns those of the aggregators.
func (a *Audit) viewCheckpoints(ctx context.Context) ([]checkpoint, error) {
	if a.Views == "" {
		return nil, nil
	}
	conn, err := connect(ctx, a.Views)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	var found []checkpoint
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, settingsSQL); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, viewsSQL)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (c checkpoint, err error) {
			return c, r.Scan(&c.stream, &c.position, &c.id)
		})
		return err
	})
	return found, err
}

//go:embed sql/checkpoints.sql
var checkpointsSQL string

// readCheckpoints adds those that consumers keep in the log.
func (w *walk) readCheckpoints(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, checkpointsSQL)
	if err != nil {
		return err
	}
	var m row
	var data string
	_, err = pgx.ForEachRow(rows, []any{&m.stream, &m.position, &m.globalPosition, &data}, func() error {
		w.progress.rows.Add(1)
		c := checkpoint{stream: messagestore.Stream(m.stream.String)}
		if !c.read(data) {
			w.add(m.damage(BadCheckpoint, data))
			return w.err
		}
		w.checkpoints = append(w.checkpoints, c)
		return nil
	})
	return err
}

// read reads the data of a message Read as a consumer does, and reports whether it
// could.
func (c *checkpoint) read(data string) bool {
	var read subscriberpositionv1.Read
	if err := contract.Unmarshal(data, &read); err != nil || read.GetPosition() < 0 {
		return false
	}
	c.position = read.GetPosition()
	return read.GetMessageId() == "" || c.id.Scan(read.GetMessageId()) == nil
}

// places looks at the checkpoints while the log goes by.
type places struct {
	report func(Damage)
	ahead  []checkpoint // by position, those that the log has not passed
	at     []checkpoint // those at the position now, that name another message
	now    int64
}

func newPlaces(checkpoints []checkpoint, report func(Damage)) *places {
	slices.SortFunc(checkpoints, func(a, b checkpoint) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.stream, b.stream))
	})
	return &places{report: report, ahead: checkpoints}
}

// pass goes on to the next message in global order.
func (p *places) pass(position int64, id pgtype.UUID) {
	if position != p.now {
		p.leave()
		p.now = position
		for len(p.ahead) > 0 && p.ahead[0].position <= position {
			// One before the first message, or at one that is missing and reported.
			if p.ahead[0].position == position {
				p.at = append(p.at, p.ahead[0])
			}
			p.ahead = p.ahead[1:]
		}
	}
	// Where the position is there twice, the checkpoint's may be either.
	p.at = slices.DeleteFunc(p.at, func(c checkpoint) bool { return !c.id.Valid || c.id == id })
}

// leave reports those whose message was not at their position.
func (p *places) leave() {
	for _, c := range p.at {
		p.report(c.damage(CheckpointDiverged, fmt.Sprintf("names the message %s", c.id)))
	}
	p.at = p.at[:0]
}

// end reports those that the log does not reach.
func (p *places) end(head int64) {
	p.leave()
	for _, c := range p.ahead {
		if c.position > head {
			p.report(c.damage(CheckpointAhead, fmt.Sprintf("the head is %d", head)))
		}
	}
}
