package postgres

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/messagestore"
)

const (
	defaultPage = 50
	maxPage     = 1000
	maxToken    = 400 // a name of 265 bytes
)

// checkList returns after which name the page begins and how many it has.
func checkList(r *messagestore.ListRequest) (after string, size int, err error) {
	var v violations
	if r.Category != "" {
		v.check("category", r.Category.Check())
	}
	if r.Size < 0 || r.Size > maxPage {
		v.add("page_size", "%d, 0 to %d is allowed", r.Size, maxPage)
	}
	name, err := base64.RawURLEncoding.DecodeString(r.Token)
	if err != nil || !utf8.Valid(name) || bytes.IndexByte(name, 0) >= 0 || len(r.Token) > maxToken {
		v.add("page_token", "%.64q is not the token of a page", r.Token)
	}
	if size = r.Size; size == 0 {
		size = defaultPage
	}
	return string(name), size, v.err()
}

// trim cuts what was asked for beyond the page, and returns the token of the next
// page.
func trim[T any](all []T, size int, name func(T) string) ([]T, string) {
	if len(all) <= size {
		return all, ""
	}
	return all[:size], base64.RawURLEncoding.EncodeToString([]byte(name(all[size-1])))
}

// Streams is Store.Streams. It costs what it returns, however many streams there
// are: each is found by the index on the names.
func (s *Store) Streams(ctx context.Context, r messagestore.ListRequest) (messagestore.StreamPage, error) {
	after, size, err := checkList(&r)
	if err != nil {
		return messagestore.StreamPage{}, err
	}
	source := messagestore.OfAll()
	var below *string
	if r.Category != "" {
		source = messagestore.OfCategories(r.Category)
		after = max(after, string(r.Category)+"-")
		end := string(r.Category) + "." // what follows the dash
		below = &end
	}
	if err := s.ownership.mayRead(ctx, source); err != nil {
		return messagestore.StreamPage{}, err
	}
	rows, err := s.readers.Query(ctx, "select * from message_store.streams($1, $2, $3)", after, below, size+1)
	if err != nil {
		return messagestore.StreamPage{}, translate(ctx, err)
	}
	streams, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (messagestore.StreamInfo, error) {
		var i messagestore.StreamInfo
		err := row.Scan(&i.Stream, &i.LastPosition, &i.LastTime)
		i.Messages, i.LastTime = i.LastPosition+1, i.LastTime.UTC()
		return i, err
	})
	if err != nil {
		return messagestore.StreamPage{}, translate(ctx, err)
	}
	var page messagestore.StreamPage
	page.Streams, page.Next = trim(streams, size, func(i messagestore.StreamInfo) string { return string(i.Stream) })
	return page, nil
}

// Categories is Store.Categories. What it counts was counted before, but for the
// end of the log.
func (s *Store) Categories(ctx context.Context, r messagestore.ListRequest) (messagestore.CategoryPage, error) {
	after, size, err := checkList(&r)
	if err != nil {
		return messagestore.CategoryPage{}, err
	}
	rows, err := s.readers.Query(ctx, "select * from message_store.categories($1, $2, $3)", after, absent(r.Category), size+1)
	if err != nil {
		return messagestore.CategoryPage{}, translate(ctx, err)
	}
	policy := s.ownership.now()
	categories, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (messagestore.CategoryInfo, error) {
		var i messagestore.CategoryInfo
		var claimant *messagestore.Principal
		err := row.Scan(&i.Category, &claimant, &i.Streams, &i.Messages)
		if claimant != nil {
			i.Owner = *claimant
		}
		i.Owner = s.ownership.ownerNow(policy, i.Category, i.Owner)
		return i, err
	})
	if err != nil {
		return messagestore.CategoryPage{}, translate(ctx, err)
	}
	var page messagestore.CategoryPage
	page.Categories, page.Next = trim(categories, size, func(i messagestore.CategoryInfo) string { return string(i.Category) })
	return page, nil
}

const (
	// countEvery is how many messages are counted at once, and about how many a
	// list has to count itself.
	countEvery = 10_000
	// countAfter is how often the counter looks, in memory, whether there are so
	// many.
	countAfter = time.Second
)

// A counter keeps the counts of the categories up with the log.
type counter struct {
	readers *pgxpool.Pool
	tail    *tail
	log     *slog.Logger
	// counted is up to where all is counted.
	counted int64
}

func (c *counter) run(ctx context.Context) error {
	ticker := time.NewTicker(countAfter)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := c.count(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("count the messages of the categories", "err", err)
		}
	}
}

// count counts while enough messages wait to be.
func (c *counter) count(ctx context.Context) error {
	end, _ := c.tail.place()
	if end.Position < c.counted { // the log was restored
		c.counted = 0
	}
	for before := int64(-1); end.Position >= c.counted+countEvery && c.counted > before; {
		before = c.counted // stays, where the log became shorter meanwhile
		if err := c.readers.QueryRow(ctx, "select message_store.count_messages($1)", countEvery).Scan(&c.counted); err != nil {
			return err
		}
	}
	return nil
}
