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
	defaultPageSize = 50
	maxPageSize     = 1000
	maxToken        = 400 // bytes, for a name of 265
)

// checkList returns the name after which the page begins, and its size.
func checkList(r *messagestore.ListRequest) (after string, size int, err error) {
	var v violations
	if r.Category != "" {
		v.check("category", r.Category.Check())
	}
	if r.Size < 0 || r.Size > maxPageSize {
		v.add("page_size", "%d, 0 to %d is allowed", r.Size, maxPageSize)
	}
	name, err := base64.RawURLEncoding.DecodeString(r.Token)
	if err != nil || !utf8.Valid(name) || bytes.IndexByte(name, 0) >= 0 || len(r.Token) > maxToken {
		v.add("page_token", "%.64q is not the token of a page", r.Token)
	}
	if size = r.Size; size == 0 {
		size = defaultPageSize
	}
	return string(name), size, v.err()
}

// truncate returns the first size items and the token of the next page.
func truncate[T any](all []T, size int, name func(T) string) ([]T, string) {
	if len(all) <= size {
		return all, ""
	}
	return all[:size], base64.RawURLEncoding.EncodeToString([]byte(name(all[size-1])))
}

// Streams is Store.Streams. Its cost depends on the size of the page and not on the
// number of streams, since each is found by the index of names.
func (s *Store) Streams(ctx context.Context, r messagestore.ListRequest) (page messagestore.StreamPage, err error) {
	after, size, err := checkList(&r)
	if err != nil {
		return page, err
	}
	source := messagestore.OfAll()
	var below string
	if r.Category != "" {
		source = messagestore.OfCategories(r.Category)
		after = max(after, string(r.Category)+"-")
		below = string(r.Category) + "." // the character after the dash
	}
	if err := s.ownership.checkReader(ctx, source); err != nil {
		return page, err
	}
	streams, err := query(ctx, s.readers, func(row pgx.CollectableRow) (messagestore.StreamInfo, error) {
		var i messagestore.StreamInfo
		err := row.Scan(&i.Stream, &i.LastPosition, &i.LastTime)
		i.Messages, i.LastTime = i.LastPosition+1, i.LastTime.UTC()
		return i, err
	}, "select * from message_store.streams($1, $2, $3)", after, orNull(below), size+1)
	page.Streams, page.Next = truncate(streams, size, func(i messagestore.StreamInfo) string { return string(i.Stream) })
	return page, err
}

// Categories is Store.Categories. Only the messages since the last run of the
// counter are counted by the query.
func (s *Store) Categories(ctx context.Context, r messagestore.ListRequest) (page messagestore.CategoryPage, err error) {
	after, size, err := checkList(&r)
	if err != nil {
		return page, err
	}
	policy := s.ownership.current()
	categories, err := query(ctx, s.readers, func(row pgx.CollectableRow) (messagestore.CategoryInfo, error) {
		var i messagestore.CategoryInfo
		var claimant *string
		err := row.Scan(&i.Category, &claimant, &i.Streams, &i.Messages)
		if claimant != nil {
			i.Owner = messagestore.Principal(*claimant)
		}
		i.Owner = s.ownership.ownerOf(policy, i.Category, i.Owner)
		return i, err
	}, "select * from message_store.categories($1, $2, $3)", after, orNull(r.Category), size+1)
	page.Categories, page.Next = truncate(categories, size, func(i messagestore.CategoryInfo) string { return string(i.Category) })
	return page, err
}

const (
	// countMessages is the number of messages counted per transaction, and about the
	// most that Categories has to count.
	countMessages = 10_000
	// countInterval is the time between two checks of the number of new messages.
	countInterval = time.Second
)

// A counter keeps the counts of the categories up to date.
type counter struct {
	readers *pgxpool.Pool
	tail    *tail
	log     *slog.Logger
	counted int64 // the last counted position
}

func (c *counter) run(ctx context.Context) error {
	ticker := time.NewTicker(countInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := c.count(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("count the messages of the categories", "error", err)
		}
	}
}

// count counts while at least countMessages are not counted.
func (c *counter) count(ctx context.Context) error {
	head, _ := c.tail.head()
	if head.Position < c.counted { // the log was restored
		c.counted = 0
	}
	for before := int64(-1); head.Position >= c.counted+countMessages && c.counted > before; {
		before = c.counted // is not exceeded if the log was restored meanwhile
		if err := c.readers.QueryRow(ctx, "select message_store.count_messages($1)", countMessages).Scan(&c.counted); err != nil {
			return err
		}
	}
	return nil
}
