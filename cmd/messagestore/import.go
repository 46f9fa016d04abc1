package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

const (
	// A batch has so many messages, of so many bytes, unless one message alone has
	// more.
	batchMessages = 500
	batchBytes    = 1 << 20
	// maxLine bounds a line: a message of 1 MiB, as text within JSON.
	maxLine = 8 << 20
	// sayEvery is how often an import says how far it is.
	sayEvery = 2 * time.Second
)

// importMessages is the command that writes the messages of another store, in
// their order, as the caller: ids, streams, types, data and metadata are kept;
// positions, times and the writer are this store's. So are the claims and the
// positions of consumers, which are places in this log, and those of the other
// store are left out: what had no owner here becomes the caller's, and consumers
// begin at the start.
// To repeat it is safe, also with an input that has grown.
type importMessages struct{ client }

func importCommand(t terminal) service.Command {
	i := &importMessages{client{terminal: t}}
	return service.Command{
		Name:     "import",
		Help:     "write the messages of the input, lines of `read -json`; may be repeated. Positions, time and writer are new, claims and consumers' positions are left out",
		Settings: i, Tool: true, Run: i.run,
	}
}

func (i *importMessages) run(ctx context.Context, log *slog.Logger, _ []string) error {
	return i.call(func(store messagestore.Store, p *printer) error {
		in := &importer{store: store, log: log, said: time.Now()}
		lines := bufio.NewScanner(i.in)
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

// imported is what an import did.
type imported struct {
	Imported      int `json:"imported"`
	AlreadyStored int `json:"already_stored"`
	ClaimsLeftOut int `json:"claims_left_out"`
	// PositionsLeftOut are those of consumers.
	PositionsLeftOut int `json:"positions_left_out"`
}

// An importer writes messages in batches. Each is a unit: all of it or nothing.
type importer struct {
	store    messagestore.Store
	log      *slog.Logger
	lines    int // that were read
	batch    []messagestore.Write
	bytes    int // of the batch
	from, to int // its lines
	said     time.Time
	imported
}

// line takes the next line.
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
			i.log.Warn("claims are left out: this store writes its own", "line", i.lines, "stream", stream)
		}
		return nil
	case messagestore.PositionCategory:
		if i.PositionsLeftOut++; i.PositionsLeftOut == 1 {
			i.log.Warn("positions of consumers are left out: they are places in the other log", "line", i.lines, "stream", stream)
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

// flush writes the batch. Where some of it is stored already, in other company
// since an earlier import had other lines, the rest of it is written.
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
	if time.Since(i.said) >= sayEvery {
		i.said = time.Now()
		i.log.Info("importing", "imported", i.Imported, "already stored", i.AlreadyStored)
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

// leaveOutStored takes out of the batch what is stored already. A message that is
// stored with other content stays, and is refused.
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
