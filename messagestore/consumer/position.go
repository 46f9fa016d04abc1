package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
)

// positions is the category of the streams that hold positions.
var positions = contract.Category((*subscriberpositionv1.Read)(nil))

func positionStream(id string) messagestore.Stream { return positions.Stream(id) }

// A position is a consumer's place, kept in its stream.
type position struct {
	store  messagestore.Store
	stream messagestore.Stream
	log    *slog.Logger
	ledger ledger
	// known says that version and ledger.saved are those of the stream.
	known   bool
	version messagestore.Version
}

// load reads what is kept.
func (p *position) load(ctx context.Context) error {
	place, version, err := readPlace(ctx, p.store, p.stream)
	if err == nil {
		p.known, p.version, p.ledger.saved = true, version, place
	}
	return err
}

// readPlace returns the place that is kept in the stream, and the stream's
// version.
func readPlace(ctx context.Context, store messagestore.Store, stream messagestore.Stream) (messagestore.Place, messagestore.Version, error) {
	last, err := store.Last(ctx, stream, "")
	if errors.Is(err, messagestore.ErrNotFound) {
		return messagestore.Place{}, messagestore.None, nil
	}
	if err != nil {
		return messagestore.Place{}, 0, fmt.Errorf("read position in %s: %w", stream, err)
	}
	read, err := contract.Decode[*subscriberpositionv1.Read](last)
	if err != nil {
		return messagestore.Place{}, 0, fmt.Errorf("read position in %s at %d: %w", stream, last.Position, err)
	}
	return messagestore.Place{Position: read.GetPosition(), ID: read.GetMessageId()}, messagestore.Version(last.Position), nil
}

// keep writes the place if it is due. It is no failure of the handlers if that
// does not succeed: the consumer would handle some messages again.
func (p *position) keep(ctx context.Context) {
	if p.ledger.due(time.Now()) {
		p.try(ctx)
	}
}

// stop writes the place if anything was handled since it was written last.
func (p *position) stop(ctx context.Context) {
	if p.ledger.dueAtStop() {
		p.try(context.WithoutCancel(ctx))
	}
}

func (p *position) try(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.ledger.limits.patience)
	defer cancel()
	if err := p.write(ctx); err != nil {
		// What the stream has now is not known: the write may have succeeded,
		// or another instance of the consumer was faster.
		p.known = false
		p.ledger.fail(time.Now())
		level := slog.LevelWarn
		var conflict *messagestore.VersionConflictError
		if errors.As(err, &conflict) {
			level = slog.LevelDebug // another instance keeps it, too
		}
		p.log.Log(ctx, level, "position not kept", "position", p.ledger.at.Position, "error", err)
	}
}

func (p *position) write(ctx context.Context) error {
	if !p.known {
		if err := p.load(ctx); err != nil {
			return err
		}
		if p.ledger.at.Position <= p.ledger.saved.Position {
			return nil // another instance is ahead
		}
	}
	place := p.ledger.at
	data, err := contract.Marshal(&subscriberpositionv1.Read{Position: place.Position, MessageId: place.ID})
	if err != nil {
		return err
	}
	written, err := p.store.Write(ctx, p.stream, p.version, messagestore.NewMessage{
		ID: contract.NewID(), Type: contract.Type((*subscriberpositionv1.Read)(nil)), Data: data,
	})
	if err != nil {
		return err
	}
	p.version = messagestore.Version(written.Position)
	p.ledger.keep(place)
	return nil
}
