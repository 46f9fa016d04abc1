package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
)

// A checkpoint is the saved position of a consumer.
type checkpoint struct {
	stream   messagestore.Stream
	position int64
	id       pgtype.UUID // not valid if unknown, as in messages of the original system
}

func (c *checkpoint) damage(kind Kind, detail string) Damage {
	return Damage{Kind: kind, Stream: c.stream, Position: c.position, LastPosition: c.position, Detail: detail}
}

// viewCheckpoints returns the checkpoints of the aggregators.
func (a *Audit) viewCheckpoints(ctx context.Context) (found []checkpoint, err error) {
	if a.Views == "" {
		return nil, nil
	}
	conn, err := connect(ctx, a.Views)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, text("settings")); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, text("views")) // CollectRows returns the error
		found, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (c checkpoint, err error) {
			return c, r.Scan(&c.stream, &c.position, &c.id)
		})
		return err
	})
	return found, err
}

// readCheckpoints adds the checkpoints that are stored in the log.
func (r *run) readCheckpoints(ctx context.Context, tx pgx.Tx) error {
	var m row
	var data string
	return r.each(ctx, tx, "checkpoints", []any{&m.stream, &m.position, &m.globalPosition, &data}, func() {
		c := checkpoint{stream: messagestore.Stream(m.stream.String)}
		if !c.parse(data) {
			r.add(m.damage(BadCheckpoint, data))
			return
		}
		r.checkpoints = append(r.checkpoints, c)
	})
}

// parse parses the data of a message Read as a consumer does.
func (c *checkpoint) parse(data string) (ok bool) {
	var read subscriberpositionv1.Read
	if err := contract.Unmarshal(data, &read); err != nil || read.GetPosition() < 0 {
		return false
	}
	c.position = read.GetPosition()
	return read.GetMessageId() == "" || c.id.Scan(read.GetMessageId()) == nil
}

// consumerPositions compares checkpoints with the messages in global order.
type consumerPositions struct {
	report   func(Damage)
	ahead    []checkpoint // beyond the current position, sorted
	unproven []checkpoint // at the current position, with the id of another message
	current  int64
}

func newConsumerPositions(checkpoints []checkpoint, report func(Damage)) *consumerPositions {
	slices.SortFunc(checkpoints, func(a, b checkpoint) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.stream, b.stream))
	})
	return &consumerPositions{report: report, ahead: checkpoints}
}

// next moves to the next message.
func (p *consumerPositions) next(position int64, id pgtype.UUID) {
	if position != p.current {
		p.reportDiverged()
		p.current = position
		for len(p.ahead) > 0 && p.ahead[0].position <= position {
			// The others are before the first message, or at a missing one.
			if p.ahead[0].position == position {
				p.unproven = append(p.unproven, p.ahead[0])
			}
			p.ahead = p.ahead[1:]
		}
	}
	// If several messages have the position, any of them will do.
	p.unproven = slices.DeleteFunc(p.unproven, func(c checkpoint) bool { return !c.id.Valid || c.id == id })
}

// reportDiverged reports the checkpoints at the current position whose message is not
// there.
func (p *consumerPositions) reportDiverged() {
	for _, c := range p.unproven {
		p.report(c.damage(CheckpointDiverged, fmt.Sprintf("names the message %s", c.id)))
	}
	p.unproven = p.unproven[:0]
}

// end reports the checkpoints beyond the head.
func (p *consumerPositions) end(head int64) {
	p.reportDiverged()
	for _, c := range p.ahead {
		if c.position > head {
			p.report(c.damage(CheckpointAhead, fmt.Sprintf("the head is %d", head)))
		}
	}
}
