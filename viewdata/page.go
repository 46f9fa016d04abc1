package viewdata

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	defaultPage = 50
	maxPage     = 1000
	// maxPageBytes bounds the rows of a page beside their number: with it, an answer
	// is far below the 4 MiB that clients of gRPC take, and a row of 1 MiB is one too.
	maxPageBytes = 1 << 20
)

// A PageRequest asks for a page of a list.
type PageRequest struct {
	// Size is how many rows are wanted at most: up to 1,000. Defaults to 50.
	Size int
	// Token is Next of the page before. "": the first page.
	Token string
}

// A Page is the next rows of a list. What is written between two pages moves no
// row from one to the other. A page has fewer rows than are wanted where these
// have more than 1 MiB, and there are more as long as Next says so.
type Page[T any] struct {
	Rows []T
	// Next is the token of the next page. "": there is none.
	Next string
}

// size returns how many rows the page has at most.
func (r PageRequest) size() (int, error) {
	switch {
	case r.Size < 0 || r.Size > maxPage:
		return 0, &InvalidError{"pageSize", fmt.Sprintf("is %d; 0 to %d are allowed, 0 means %d", r.Size, maxPage, defaultPage)}
	case r.Size == 0:
		return defaultPage, nil
	}
	return r.Size, nil
}

// after sets key to that of the last row before the page, and reports whether
// there is one. A token is the key as JSON, which callers are not to know.
func (r PageRequest) after(key any) (bool, error) {
	if r.Token == "" {
		return false, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(r.Token)
	if err == nil {
		err = json.Unmarshal(text, key)
	}
	if err != nil {
		return false, invalidToken(r.Token)
	}
	return true, nil
}

// afterName is after for a list by name.
func (r PageRequest) afterName() (string, error) {
	var name string
	if _, err := r.after(&name); err != nil {
		return "", err
	}
	if !storable(name) {
		return "", invalidToken(r.Token)
	}
	return name, nil
}

func invalidToken(token string) error {
	return &InvalidError{"pageToken", fmt.Sprintf("%.64q is not the nextPageToken of a page", token)}
}

func token(key any) (string, error) {
	text, err := json.Marshal(key)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// storable reports whether a text column can hold the text; Postgres refuses a
// query that compares it with another.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// parseUUID returns the UUID as Postgres prints it: it does not read all that uuid
// does.
func parseUUID(text string) (string, bool) {
	id, err := uuid.Parse(text)
	return id.String(), err == nil
}

// readPage runs the query, which returns one row more than the page has if there
// are more, and makes the token of the last row's key.
func readPage[T any](ctx context.Context, db *pgxpool.Pool, what string, size int, key func(T) any, sql string, args ...any) (Page[T], error) {
	rows, _ := db.Query(ctx, sql, args...)
	page, more, err := collectPage[T](rows, size)
	if err != nil {
		return Page[T]{}, fmt.Errorf("read %s: %w", what, translate(ctx, err))
	}
	if !more {
		return Page[T]{Rows: page}, nil
	}
	next, err := token(key(page[len(page)-1]))
	if err != nil {
		return Page[T]{}, fmt.Errorf("read %s: %w", what, err)
	}
	return Page[T]{page, next}, nil
}

// collectPage returns the rows that fit into a page, one at least if there is one,
// and reports whether there are more. It closes rows.
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

// readOne runs the query, which returns one row at most.
func readOne[T any](ctx context.Context, db *pgxpool.Pool, what string, sql string, args ...any) (T, error) {
	rows, _ := db.Query(ctx, sql, args...)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	if err != nil {
		return row, fmt.Errorf("read %s: %w", what, translate(ctx, err))
	}
	return row, nil
}
