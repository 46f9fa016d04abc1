package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
)

// positions is the category of the streams that hold positions.
var positions = contract.Category((*subscriberpositionv1.Read)(nil))

func positionStream(id string) messagestore.Stream { return positions.Stream(id) }

// A position saves the checkpoint of a consumer in a stream.
type position struct {
	store      messagestore.Store
	stream     messagestore.Stream
	log        *slog.Logger
	checkpoint checkpoint
	// version is the stream's, and checkpoint.saved its last place, if known.
	known   bool
	version messagestore.Version
}

// load reads the saved place.
func (p *position) load(ctx context.Context) error {
	place, version, err := readPlace(ctx, p.store, p.stream)
	if err == nil {
		p.known, p.version, p.checkpoint.saved = true, version, place
	}
	return err
}

// readPlace returns the place saved in the stream, and the stream's version.
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

func (p *position) saveIfDue(ctx context.Context) {
	if p.checkpoint.due(time.Now()) {
		p.save(ctx)
	}
}

func (p *position) saveAtStop(ctx context.Context) {
	if p.checkpoint.dueAtStop() {
		p.save(context.WithoutCancel(ctx))
	}
}

// save writes the current place. It only logs an error: without a saved place, the
// consumer handles some messages again after a crash.
func (p *position) save(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.checkpoint.limits.timeout)
	defer cancel()
	if err := p.write(ctx); err != nil {
		// The write may have succeeded, or another instance may have written.
		p.known = false
		p.checkpoint.fail(time.Now())
		level := slog.LevelWarn
		var conflict *messagestore.VersionConflictError
		if errors.As(err, &conflict) {
			level = slog.LevelDebug // another instance saves it, too
		}
		p.log.Log(ctx, level, "position not saved", "position", p.checkpoint.current.Position, "error", err)
	}
}

func (p *position) write(ctx context.Context) error {
	if !p.known {
		if err := p.load(ctx); err != nil {
			return err
		}
		if p.checkpoint.current.Position <= p.checkpoint.saved.Position {
			return nil // another instance is ahead
		}
	}
	place := p.checkpoint.current
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
	p.checkpoint.save(place)
	return nil
}

// member returns the subscriber id of a member of a consumer group, or id if there
// is no group.
func member(id string, g *messagestore.ConsumerGroup) string {
	if g == nil {
		return id
	}
	return fmt.Sprintf("%s+%d-of-%d", id, g.Member, g.Size)
}

// parseMember returns the member of the consumer's group that owns the position
// stream. A consumer without a group counts as the only member of size 1.
func parseMember(id string, stream messagestore.Stream) (g messagestore.ConsumerGroup, ok bool) {
	if stream == positionStream(id) {
		return messagestore.ConsumerGroup{Size: 1}, true
	}
	rest, ok := strings.CutPrefix(stream.ID(), id+"+")
	if !ok {
		return g, false
	}
	if _, err := fmt.Sscanf(rest, "%d-of-%d", &g.Member, &g.Size); err != nil {
		return g, false
	}
	return g, stream == positionStream(member(id, &g)) && g.Size > 0
}

// inherit returns the place where a member of a group of a new size begins: the
// smallest position of an old group, up to which its members have handled
// everything. If several old groups are complete, the largest of their smallest
// positions counts; if none is, the start of the log.
func inherit(ctx context.Context, store messagestore.Store, id string) (messagestore.Place, error) {
	smallest := map[int32]messagestore.Place{}
	members := map[int32]int32{}
	request := messagestore.ListRequest{Category: positions, Size: 1000}
	for {
		page, err := store.Streams(ctx, request)
		if err != nil {
			return messagestore.Place{}, fmt.Errorf("list positions: %w", err)
		}
		for _, s := range page.Streams {
			g, ok := parseMember(id, s.Stream)
			if !ok {
				continue
			}
			place, _, err := readPlace(ctx, store, s.Stream)
			if err != nil {
				return place, err
			}
			if members[g.Size] == 0 || place.Position < smallest[g.Size].Position {
				smallest[g.Size] = place
			}
			members[g.Size]++
		}
		if request.Token = page.Next; request.Token == "" {
			break
		}
	}
	var begin messagestore.Place
	for size, n := range members {
		if n == size && smallest[size].Position > begin.Position {
			begin = smallest[size]
		}
	}
	return begin, nil
}
