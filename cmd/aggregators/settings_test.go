package main

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"videotutorials/internal/test/testdb"
	"videotutorials/viewdata"
)

// TestAll_Tables holds the aggregators and the schema to each other: each table
// of View Data has one aggregator, whose package the first line of its migration
// names, and each aggregator an id of its own.
func TestAll_Tables(t *testing.T) {
	t.Parallel()
	written := map[string]string{} // package by table
	ids := map[string]bool{}
	for name, a := range all() {
		if ids[a.ID] {
			t.Errorf("%s is the id of two", a.ID)
		}
		ids[a.ID] = true
		for _, table := range a.Tables {
			if other, ok := written[table]; ok {
				t.Errorf("%s is written by %s and %s", table, other, name)
			}
			written[table] = name
		}
	}
	created := tables(t)
	for table, writer := range created {
		if writer != "the runtime, package aggregators" && written[table] != strings.TrimPrefix(writer, "aggregators/") {
			t.Errorf("%s is written by %s, and its migration says %s", table, written[table], writer)
		}
	}
	for table := range written {
		if _, ok := created[table]; !ok {
			t.Errorf("no migration makes %s", table)
		}
	}
}

// TestAll_Comparable holds the tables to what a rebuild needs: a key, so that no
// two rows are alike, types that can be compared, and nothing that Postgres makes
// up.
func TestAll_Comparable(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.New(t, "view_data", viewdata.Migrate))
	for name, a := range all() {
		for _, table := range a.Tables {
			var wrong string
			err := conn.QueryRow(t.Context(), `
				select concat_ws(', ',
					case when not exists (select from pg_index where indrelid = $1::text::regclass and indisprimary) then 'no primary key' end,
					(select string_agg(column_name || ' is ' || data_type, ', ') from information_schema.columns
						where table_name = $1::text and data_type in ('json', 'xml', 'point')),
					(select string_agg(column_name || ' is made up', ', ') from information_schema.columns
						where table_name = $1::text and (is_identity = 'YES' or is_generated <> 'NEVER' or column_default like '%(%')))`,
				table).Scan(&wrong)
			if err != nil || wrong != "" {
				t.Errorf("%s of %s: %s, %v", table, name, wrong, err)
			}
		}
	}
}

var (
	writtenBy   = regexp.MustCompile(`^-- Written by ([^:.]+)[:.]`)
	createTable = regexp.MustCompile(`(?m)^create table (\w+)`)
)

// tables returns who writes each table, as the migrations say.
func tables(t *testing.T) map[string]string {
	t.Helper()
	folder := os.DirFS("../../viewdata/migrations")
	files, err := fs.Glob(folder, "*.sql")
	if err != nil || !slices.Contains(files, "00001_roles.sql") {
		t.Fatalf("migrations %q, %v", files, err)
	}
	tables := map[string]string{}
	for _, file := range files {
		text, err := fs.ReadFile(folder, file)
		if err != nil {
			t.Fatal(err)
		}
		writer := writtenBy.FindSubmatch(text)
		if writer == nil {
			t.Fatalf("the first line of %s does not say who writes it", file)
		}
		for _, table := range createTable.FindAllSubmatch(text, -1) {
			tables[string(table[1])] = string(writer[1])
		}
	}
	return tables
}
