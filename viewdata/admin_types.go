package viewdata

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An AdminType is a type of messages, of whatever category, as administrators see
// it.
type AdminType struct {
	Type         string
	MessageCount int64
}

// An AdminCategory is a category as administrators see it.
type AdminCategory struct {
	Category     string
	MessageCount int64
}

// ReadAdminTypes returns a page of the types of messages, by name. It returns an
// *InvalidError for a bad request, and a *NotReadyError while View Data cannot be
// read.
func ReadAdminTypes(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[AdminType], error) {
	size, err := r.size()
	if err != nil {
		return Page[AdminType]{}, err
	}
	after, err := r.afterName()
	if err != nil {
		return Page[AdminType]{}, err
	}
	return readPage(ctx, db, "types", size, func(t AdminType) any { return t.Type }, `
		select type, message_count
		from admin_types
		where type > $1
		order by type
		limit $2`, after, size+1)
}

// ReadAdminCategories returns a page of the categories, by name. Its errors are
// those of ReadAdminTypes.
func ReadAdminCategories(ctx context.Context, db *pgxpool.Pool, r PageRequest) (Page[AdminCategory], error) {
	size, err := r.size()
	if err != nil {
		return Page[AdminCategory]{}, err
	}
	after, err := r.afterName()
	if err != nil {
		return Page[AdminCategory]{}, err
	}
	return readPage(ctx, db, "categories", size, func(c AdminCategory) any { return c.Category }, `
		select category, message_count
		from admin_categories
		where category > $1
		order by category
		limit $2`, after, size+1)
}
