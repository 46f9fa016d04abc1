// Package tutorial_test follows docs/tutorial.md: it builds the tutorial's files
// and runs its commands.
package tutorial_test

import (
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	// The packages the tutorial's code uses. It is built by another go command:
	// these imports keep the test cache from hiding a change of one of them.
	_ "videotutorials/aggregators"
	_ "videotutorials/components"
	"videotutorials/internal/test/testdb"
	_ "videotutorials/messagestore/contract"
	_ "videotutorials/messagestore/postgres"
	_ "videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestTutorial_Code runs comments_test.go, which compiles only with the
// tutorial's files.
func TestTutorial_Code(t *testing.T) {
	t.Parallel()
	output := follow(t).run("test", "-tags", "tutorial", "-vet", "off", "-count", "1", "-v", "-run", "^TestComments$", "./internal/check/tutorial")
	if !strings.Contains(output, "--- PASS: TestComments") {
		t.Errorf("the test did not run:\n%s", output)
	}
}

// TestTutorial_Format checks that the tutorial's Go files are formatted and short.
func TestTutorial_Format(t *testing.T) {
	t.Parallel()
	const longest = 80
	files := 0
	for path, text := range parse(t).files {
		if filepath.Ext(path) != ".go" {
			continue
		}
		files++
		if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
			t.Errorf("%s is not formatted by gofmt: %v", path, err)
		}
		if lines := strings.Count(text, "\n"); lines > longest {
			t.Errorf("%s has %d lines, want at most %d", path, lines, longest)
		}
	}
	if files != 2 {
		t.Errorf("%d Go files, want a component and an aggregator", files)
	}
}

// A document is what the tutorial tells its reader to do.
type document struct {
	// files has the content of each file, by path.
	files map[string]string
	// elsewhere has the content of each file of the module of another repository.
	elsewhere map[string]string
	// commands has the shell commands, one element per code block.
	commands []string
	// registrations has the line to add to each file of the table, by path.
	registrations map[string]string
}

// parse reads docs/tutorial.md. A code block below a line that starts with
// "**File `path`" or "**In another repository, `path`" is the content of that file.
func parse(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	d := document{files: map[string]string{}, elsewhere: map[string]string{}, registrations: map[string]string{}}
	path, files := "", d.files
	for rest := string(text); rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		rest = after
		if language, fenced := strings.CutPrefix(line, "```"); fenced {
			block, after, closed := strings.Cut(rest, "\n```\n")
			if !closed {
				t.Fatalf("the code block after %s is not closed", path)
			}
			rest = after
			if language == "sh" {
				d.commands = append(d.commands, block+"\n")
			} else {
				files[path] = block + "\n"
			}
			continue
		}
		if file, ok := strings.CutPrefix(line, "**File `"); ok {
			path, _, _ = strings.Cut(file, "`")
			files = d.files
		}
		if file, ok := strings.CutPrefix(line, "**In another repository, `"); ok {
			path, _, _ = strings.Cut(file, "`")
			files = d.elsewhere
		}
		if cells := strings.Split(line, "|"); len(cells) == 5 && strings.HasPrefix(cells[1], " `cmd/") {
			d.registrations[strings.Trim(cells[1], " `")] = strings.Trim(cells[3], " `")
		}
	}
	return d
}

// root returns the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// numbered returns the path of a migration with NNNNN replaced by the next free
// number.
func numbered(t *testing.T, path string) string {
	t.Helper()
	migrations, err := filepath.Glob(filepath.Join(root(t), filepath.Dir(path), "*.sql"))
	if err != nil || len(migrations) == 0 {
		t.Fatalf("no migrations beside %s: %v", path, err)
	}
	last := 0
	for _, name := range migrations {
		var n int
		if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &n); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		last = max(last, n)
	}
	return strings.Replace(path, "NNNNN", fmt.Sprintf("%05d", last+1), 1)
}
