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

// TestAll_Tables compares the aggregators with the schema: each table of View Data
// has one aggregator, which the first line of its migration names, and each
// aggregator has an id and a name of its own.
func TestAll_Tables(t *testing.T) {
	t.Parallel()
	written := map[string]string{} // package by table
	ids := map[string]bool{}       // and names
	for _, a := range all() {
		name := a.Name
		if ids[a.ID] {
			t.Errorf("two aggregators have the ID %s", a.ID)
		}
		if ids[name] {
			t.Errorf("two aggregators have the name %s", name)
		}
		ids[a.ID], ids[name] = true, true
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

// TestAll_Comparable checks what a rebuild needs of the tables: a primary key, so
// that no two rows are equal, types that can be compared, and no values that
// Postgres generates.
func TestAll_Comparable(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.New(t, "view_data", viewdata.Migrate))
	for _, a := range all() {
		name := a.Name
		for _, table := range a.Tables {
			var wrong string
			err := conn.QueryRow(t.Context(), `
				select concat_ws(', ',
					case when not exists (select from pg_index where indrelid = $1::text::regclass and indisprimary) then 'no primary key' end,
					(select string_agg(column_name || ' is ' || data_type, ', ') from information_schema.columns
						where table_name = $1::text and data_type in ('json', 'xml', 'point')),
					(select string_agg(column_name || ' is generated', ', ') from information_schema.columns
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

// tables returns the writer of each table, as the migrations name it.
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
			t.Fatalf("the first line of %s does not name the writer", file)
		}
		for _, table := range createTable.FindAllSubmatch(text, -1) {
			tables[string(table[1])] = string(writer[1])
		}
	}
	return tables
}
