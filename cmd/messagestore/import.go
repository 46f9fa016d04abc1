package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// batchMessages and batchBytes bound a batch, unless one message exceeds them.
	batchMessages = 500
	batchBytes    = 1 << 20
	// maxLine bounds a line, in bytes: a message of 1 MiB, escaped in JSON.
	maxLine = 8 << 20
	// logInterval is the time between two log lines about the progress.
	logInterval = 2 * time.Second
)

// importMessages is the command that writes the messages of another store, in their
// order, as the caller. It keeps ids, streams, types, data and metadata; positions,
// times and the writer are new. Claims and consumers' positions are left out, since
// they belong to the other log: a category without an owner becomes the caller's,
// and consumers start at the beginning. An import may be repeated, also with a longer
// input.
type importMessages struct{ client }

func (i *importMessages) run(ctx context.Context, log *slog.Logger, _ []string) error {
	return i.call(func(store messagestore.Store, p *printer) error {
		in := &importer{store: store, log: log, logged: time.Now()}
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			if err := in.line(ctx, lines.Bytes()); err != nil {
				return err
			}
		}
		if err := lines.Err(); err != nil {
			return fmt.Errorf("line %d: %w", in.lines+1, err)
		}
		if err := in.flush(ctx); err != nil {
			return err
		}
		return p.print(&in.imported, "imported %d messages; %d were already stored, %d claims and %d positions left out",
			in.Imported, in.AlreadyStored, in.ClaimsLeftOut, in.PositionsLeftOut)
	})
}

// imported is the result of an import.
type imported struct {
	Imported      int `json:"imported"`
	AlreadyStored int `json:"already_stored"`
	ClaimsLeftOut int `json:"claims_left_out"`
	// PositionsLeftOut counts the positions of consumers.
	PositionsLeftOut int `json:"positions_left_out"`
}

// An importer writes messages in atomic batches.
type importer struct {
	store    messagestore.Store
	log      *slog.Logger
	lines    int // lines read
	batch    []messagestore.Write
	bytes    int // size of the batch
	from, to int // lines of the batch
	logged   time.Time
	imported
}

// line adds the message of a line to the batch.
func (i *importer) line(ctx context.Context, text []byte) error {
	i.lines++
	var m messagestorev1.Message
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &m); err != nil {
		return fmt.Errorf("line %d is not a message as `read -json` prints it: %w", i.lines, err)
	}
	stream := messagestore.Stream(m.StreamName)
	switch stream.Category() {
	case messagestore.OwnershipCategory:
		if i.ClaimsLeftOut++; i.ClaimsLeftOut == 1 {
			i.log.Warn("leave out claims", "line", i.lines, "stream", stream)
		}
		return nil
	case messagestore.PositionCategory:
		if i.PositionsLeftOut++; i.PositionsLeftOut == 1 {
			i.log.Warn("leave out positions of consumers", "line", i.lines, "stream", stream)
		}
		return nil
	}
	if len(i.batch) == batchMessages || len(i.batch) > 0 && i.bytes+len(text) > batchBytes {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	if len(i.batch) == 0 {
		i.from = i.lines
	}
	i.to = i.lines
	i.bytes += len(text)
	i.batch = append(i.batch, messagestore.Write{Stream: stream, Expected: messagestore.Any, Messages: []messagestore.NewMessage{
		{ID: m.Id, Type: m.Type, Data: m.Data, Metadata: m.Metadata},
	}})
	return nil
}

// flush writes the batch. If an earlier import with other batches has stored a part
// of it, flush writes the rest.
func (i *importer) flush(ctx context.Context) error {
	err := i.write(ctx)
	if is[*messagestore.IDConflictError](err) {
		if err = i.leaveOutStored(ctx); err == nil {
			err = i.write(ctx)
		}
	}
	if err != nil {
		return readable(fmt.Sprintf("lines %d to %d", i.from, i.to), err)
	}
	i.batch, i.bytes = i.batch[:0], 0
	if time.Since(i.logged) >= logInterval {
		i.logged = time.Now()
		i.log.Info("importing", "count", i.Imported, "alreadyStored", i.AlreadyStored)
	}
	return nil
}

func (i *importer) write(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	written, err := i.store.WriteBatch(ctx, i.batch...)
	switch {
	case err != nil:
		return err
	case written[0].AlreadyStored: // all or none
		i.AlreadyStored += len(i.batch)
	default:
		i.Imported += len(i.batch)
	}
	return nil
}

// leaveOutStored removes stored messages from the batch. It returns a
// *messagestore.IDConflictError for a message stored with other content.
func (i *importer) leaveOutStored(ctx context.Context) error {
	var rest []messagestore.Write
	for _, w := range i.batch {
		m := w.Messages[0]
		stored, err := i.store.Message(ctx, m.ID)
		switch {
		case errors.Is(err, messagestore.ErrNotFound):
			rest = append(rest, w)
		case err != nil:
			return err
		case stored.Stream != w.Stream || stored.Type != m.Type || stored.Data != m.Data:
			return &messagestore.IDConflictError{ID: stored.ID, StoredStream: stored.Stream}
		}
	}
	i.AlreadyStored += len(i.batch) - len(rest)
	i.batch = rest
	return nil
}
