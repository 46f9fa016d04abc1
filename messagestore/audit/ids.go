package audit

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

var (
	//go:embed sql/ids.sql
	idsSQL string
	//go:embed sql/duplicates.sql
	duplicatesSQL string
)

// ids looks for ids that are there twice. Where they lie is asked only then: the
// ids alone are sorted much faster.
func (w *walk) ids(ctx context.Context, tx pgx.Tx) error {
	var twice bool
	if err := tx.QueryRow(ctx, idsSQL).Scan(&twice); err != nil || !twice {
		return err
	}
	rows, err := tx.Query(ctx, duplicatesSQL)
	if err != nil {
		return err
	}
	var m row
	var first pgtype.Int8
	_, err = pgx.ForEachRow(rows, []any{&m.stream, &m.position, &m.globalPosition, &m.id, &first}, func() error {
		w.progress.rows.Add(1)
		w.add(m.damage(DuplicateID, fmt.Sprintf("%s is at global position %d already", m.id, first.Int64)))
		return w.err
	})
	return err
}
