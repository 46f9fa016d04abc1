package consumer

import (
	"context"
	"fmt"
	"strings"

	"videotutorials/messagestore"
)

// member returns the subscriber id of a member of a group, or id without one.
func member(id string, g *messagestore.ConsumerGroup) string {
	if g == nil {
		return id
	}
	return fmt.Sprintf("%s+%d-of-%d", id, g.Member, g.Size)
}

// parseMember returns the member of the consumer's group that has the position
// stream. The consumer without a group is the one member of the size 1.
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

// inherit returns the place at which a member of a new size begins: of each old
// size of which all members have kept a position, the smallest of them, and of
// these the largest. All up to there is handled, whoever did it. Where no size is
// whole, it is the start of the log.
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
		if page.Next == "" {
			break
		}
		request.Token = page.Next
	}
	var begin messagestore.Place
	for size, n := range members {
		if n == size && smallest[size].Position > begin.Position {
			begin = smallest[size]
		}
	}
	return begin, nil
}
