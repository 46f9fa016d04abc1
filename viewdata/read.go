package viewdata

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	defaultPage = 50
	maxPage     = 1000
	// maxPageBytes bounds the size of a page in addition to its number of rows. An
	// answer stays below 4 MiB, the default limit of gRPC clients, even if its last
	// row has 1 MiB.
	maxPageBytes = 1 << 20
)

// A PageRequest asks for a page of a list.
type PageRequest struct {
	// Size is the maximum number of rows, up to 1,000. Defaults to 50.
	Size int
	// Token is Next of the previous page; empty for the first page.
	Token string
}

// A Page is a part of a list. Rows written between the reads of two pages move no
// other row from one page to the other. A page has fewer rows than requested if
// they exceed 1 MiB; Next then leads to the others.
type Page[T any] struct {
	Rows []T
	// Next is the token of the next page; empty after the last page.
	Next string
}

// A listQuery returns the SQL, without limit, and the arguments that select the
// rows after the key. It returns errBadToken for a key that cannot be one of a row.
type listQuery[K any] func(after K) (sql string, args []any, err error)

var errBadToken = errors.New("invalid page token")

// newest precedes the first key of a list by descending global position.
const newest int64 = math.MaxInt64

// newestFirst is the listQuery of a list by descending global position, which the
// SQL compares with $1. The arguments follow.
func newestFirst(sql string, args ...any) listQuery[int64] {
	return func(before int64) (string, []any, error) { return sql, append([]any{before}, args...), nil }
}

// byName is the listQuery of a list by a name, which the SQL compares with $1.
// Names are not empty, so "" precedes the first key.
func byName(sql string) listQuery[string] {
	return func(after string) (string, []any, error) {
		if !storable(after) {
			return "", nil, errBadToken
		}
		return sql, []any{after}, nil
	}
}

// after returns the SQL and the arguments for the page with the token, or for the
// first page, which begins after the key first.
func (q listQuery[K]) after(token string, first K) (sql string, args []any, err error) {
	if token == "" {
		return q(first)
	}
	var key *K // nil for a token that encodes null
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(text, &key) != nil || key == nil {
		return "", nil, errBadToken
	}
	return q(*key)
}

// readPage returns the page of the query's rows that r asks for. First precedes the
// keys of all rows. Key returns the key of a row, which as JSON is the token for the
// next page.
func readPage[T, K any](ctx context.Context, db *pgxpool.Pool, list string, r PageRequest, first K, key func(T) K, query listQuery[K]) (Page[T], error) {
	size := cmp.Or(r.Size, defaultPage)
	if size < 0 || size > maxPage {
		return Page[T]{}, &InvalidError{"pageSize", fmt.Sprintf("is %d; 0 to %d are allowed, 0 means %d", size, maxPage, defaultPage)}
	}
	sql, args, err := query.after(r.Token, first)
	if errors.Is(err, errBadToken) {
		return Page[T]{}, &InvalidError{"pageToken", fmt.Sprintf("%.64q is not the nextPageToken of a page", r.Token)}
	}
	if err != nil {
		return Page[T]{}, err
	}
	// One more row than the page has shows that there is a next page.
	rows, _ := db.Query(ctx, fmt.Sprintf("%s limit $%d", sql, len(args)+1), append(args, size+1)...)
	page, more, err := collectPage[T](rows, size)
	if err != nil {
		return Page[T]{}, fmt.Errorf("read %s: %w", list, translate(ctx, err))
	}
	if !more {
		return Page[T]{Rows: page}, nil
	}
	text, err := json.Marshal(key(page[len(page)-1]))
	if err != nil {
		return Page[T]{}, fmt.Errorf("read %s: %w", list, err)
	}
	return Page[T]{page, base64.RawURLEncoding.EncodeToString(text)}, nil
}

// collectPage returns the rows that fit into a page, at least one of them, and
// reports whether there are more. It closes rows.
func collectPage[T any](rows pgx.Rows, size int) (page []T, more bool, err error) {
	defer rows.Close()
	for n := 0; rows.Next(); {
		for _, value := range rows.RawValues() {
			n += len(value)
		}
		if len(page) == size || len(page) > 0 && n > maxPageBytes {
			return page, true, nil
		}
		row, err := pgx.RowToStructByName[T](rows)
		if err != nil {
			return nil, false, err
		}
		page = append(page, row)
	}
	return page, false, rows.Err()
}

// readOne returns the only row of the query. It returns ErrNotFound if there is
// none.
func readOne[T any](ctx context.Context, db *pgxpool.Pool, name string, sql string, args ...any) (T, error) {
	rows, _ := db.Query(ctx, sql, args...)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	if err != nil {
		return row, fmt.Errorf("read %s: %w", name, translate(ctx, err))
	}
	return row, nil
}

// readByID is readOne with UUIDs as arguments. It returns ErrNotFound if one of
// them is not a UUID.
func readByID[T any](ctx context.Context, db *pgxpool.Pool, name string, sql string, ids ...string) (T, error) {
	var args []any
	for _, text := range ids {
		id, ok := parseUUID(text)
		if !ok {
			var none T
			return none, fmt.Errorf("read %s: %w", name, ErrNotFound)
		}
		args = append(args, id)
	}
	return readOne[T](ctx, db, name, sql, args...)
}

// parseUUID returns the UUID in the form that Postgres prints, which does not
// accept all forms that the package uuid does.
func parseUUID(text string) (string, bool) {
	id, err := uuid.Parse(text)
	return id.String(), err == nil
}

// storable reports whether a text column can hold the text. Postgres rejects
// other texts, even in a comparison.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}
