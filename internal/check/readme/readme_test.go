// Package readme_test does what the README says under "Writing a component,
// writing an aggregator", and looks whether it is true.
package readme_test

import (
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	// What the example stands on. The tests build it by another run of Go: without
	// these imports a kept result would outlive a change of the frame.
	_ "videotutorials/aggregators"
	_ "videotutorials/components"
	"videotutorials/internal/test/testdb"
	_ "videotutorials/messagestore/contract"
	_ "videotutorials/messagestore/postgres"
	_ "videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestExample handles each message twice, in a test of its own: example_test.go.
func TestExample(t *testing.T) {
	t.Parallel()
	said := newcomer(t).run("test", "-tags", "readme", "-vet", "off", "-count", "1", "-v", "-run", "^TestComments$", "./internal/check/readme")
	if !strings.Contains(said, "--- PASS: TestComments") {
		t.Errorf("the test did not run:\n%s", said)
	}
}

// TestGo holds the example's Go to gofmt and to a length.
func TestGo(t *testing.T) {
	t.Parallel()
	const longest = 80
	files := 0
	for path, text := range section(t).files {
		if filepath.Ext(path) != ".go" {
			continue
		}
		files++
		if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
			t.Errorf("%s is not as gofmt has it: %v", path, err)
		}
		if lines := strings.Count(text, "\n"); lines > longest {
			t.Errorf("%s has %d lines, want a short file", path, lines)
		}
	}
	if files != 2 {
		t.Errorf("%d files of Go, want a component and an aggregator", files)
	}
}

// A documented section of the README.
type documented struct {
	// files are the blocks that are a file, by the path that stands before each.
	files map[string]string
	// commands are the shell commands, a block each.
	commands []string
	// lines are those of the table of what is added to which file.
	lines map[string]string
}

// section reads the README's section.
func section(t *testing.T) documented {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n### Writing a component, writing an aggregator\n")
	body, _, ended := strings.Cut(after, "\n### ")
	if !found || !ended {
		t.Fatal("the README has no such section")
	}
	d := documented{files: map[string]string{}, lines: map[string]string{}}
	path := ""
	for rest := body; rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		rest = after
		if language, fenced := strings.CutPrefix(line, "```"); fenced {
			block, after, closed := strings.Cut(rest, "\n```\n")
			if !closed {
				t.Fatalf("the block of %s has no end", path)
			}
			rest = after
			if language == "sh" {
				d.commands = append(d.commands, block+"\n")
			} else {
				d.files[path] = block + "\n"
			}
			continue
		}
		if bold, ok := strings.CutPrefix(line, "**"); ok && strings.Contains(bold, "`") {
			path = strings.Split(bold, "`")[1]
		}
		if cells := strings.Split(line, "|"); len(cells) == 5 && strings.HasPrefix(cells[1], " `cmd/") {
			d.lines[strings.Trim(cells[1], " `")] = strings.Trim(cells[3], " `")
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

// numbered returns the path of a migration with the next free number.
func numbered(t *testing.T, path string) string {
	t.Helper()
	there, err := filepath.Glob(filepath.Join(root(t), filepath.Dir(path), "*.sql"))
	if err != nil || len(there) == 0 {
		t.Fatalf("no migrations beside %s: %v", path, err)
	}
	last := 0
	for _, name := range there {
		var n int
		if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &n); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		last = max(last, n)
	}
	return strings.Replace(path, "NNNNN", fmt.Sprintf("%05d", last+1), 1)
}
