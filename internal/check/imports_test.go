// Package check_test enforces the repository's rules: who may import whom, and how
// long a file may be.
package check_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "videotutorials"

// forbidden lists, by folder, what its packages may not import, tests included.
// All may import internal.
var forbidden = map[string][]string{
	"messagestore": {"components", "aggregators", "application", "viewdata"},
	"components":   {"aggregators", "application", "viewdata", "messagestore/postgres"},
	"aggregators":  {"components", "application", "messagestore/postgres"},
	"application":  {"components", "aggregators", "messagestore/postgres", "messagestore/consumer"},
	"viewdata":     {everythingElse},
	"mvc":          {everythingElse},
}

const everythingElse = "*"

// testOnly are packages that may be imported only by tests and by each other.
var testOnly = []string{"internal/test/binaries", "internal/test/example", "internal/test/running", "internal/test/testdb", "internal/test/testserver", "internal/test/teststore", "internal/test/testsystem", "messagestore/storetest"}

// longest is the maximal number of lines of a file that is not generated.
const longest = 400

func TestImports(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		for _, spec := range f.syntax.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			if reason := rejection(f.path, imported); reason != "" {
				t.Errorf("%s imports %s: %s", f.path, imported, reason)
			}
		}
	}
}

func TestFiles_Length(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if !ast.IsGenerated(f.syntax) && f.lines > longest {
			t.Errorf("%s has %d lines, want at most %d", f.path, f.lines, longest)
		}
	}
}

// TestRefusal tests the rules, which would pass on any tree if they rejected nothing.
func TestRefusal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, imported string
		rejected       bool
	}{
		{"messagestore/message.go", "time", false},
		{"messagestore/message.go", "github.com/jackc/pgx/v5", true},
		{"messagestore/message.go", "videotutorials/messagestore/postgres", true},
		{"messagestore/message_test.go", "videotutorials/internal/test/teststore", false},
		{"messagestore/postgres/store.go", "github.com/jackc/pgx/v5", false},
		{"messagestore/consumer/parallel.go", "videotutorials/viewdata", true},
		{"components/identity/identity.go", "videotutorials/messagestore/postgres", true},
		{"components/identity/identity_test.go", "videotutorials/messagestore/postgres", true},
		{"components/identity/identity.go", "videotutorials/messagestore/consumer", false},
		{"components/identity/identity.go", "videotutorials/components", false},
		{"aggregators/homepage/homepage.go", "videotutorials/application", true},
		{"aggregators/homepage/homepage.go", "videotutorials/viewdata", false},
		{"application/home.go", "videotutorials/messagestore/consumer", true},
		{"application/home.go", "videotutorials/messagestore/consumers", false},
		{"application/home.go", "videotutorials/internal/test/teststore", true},
		{"application/home_test.go", "videotutorials/internal/test/teststore", false},
		{"viewdata/homepage.go", "videotutorials/messagestore", true},
		{"viewdata/homepage.go", "videotutorials/viewdata/schema", false},
		{"viewdata/homepage.go", "github.com/jackc/pgx/v5", false},
		{"viewdata/homepage_test.go", "videotutorials/internal/test/testdb", false},
		{"cmd/application/main.go", "videotutorials/application", false},
		{"internal/test/teststore/teststore.go", "videotutorials/internal/test/testdb", false},
	}
	for _, test := range tests {
		if reason := rejection(test.file, test.imported); (reason != "") != test.rejected {
			t.Errorf("%s imports %s: %q, want rejected %v", test.file, test.imported, reason, test.rejected)
		}
	}
}

// rejection returns why the file may not import the package, or "" if it may.
func rejection(file, imported string) string {
	inTest := strings.HasSuffix(file, "_test.go")
	folder, _, _ := strings.Cut(file, "/")
	ours, isOurs := strings.CutPrefix(imported, module+"/")
	external := strings.Contains(imported, ".") || isOurs || imported == module
	if path.Dir(file) == "messagestore" && !inTest && external {
		return "messagestore imports only the standard library"
	}
	if !isOurs {
		return ""
	}
	if !inTest && folder != "internal" && slices.Contains(testOnly, ours) {
		return "it is for tests only"
	}
	if within(ours, "internal") {
		return ""
	}
	for _, name := range forbidden[folder] {
		if within(ours, name) || name == everythingElse && !within(ours, folder) {
			return "forbidden for " + folder
		}
	}
	return ""
}

func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

type source struct {
	path   string
	syntax *ast.File
	lines  int
}

// sources returns the module's Go files. It opens them itself instead of running
// go list: the test cache depends on the files that a test opens.
func sources(t *testing.T) []source {
	t.Helper()
	root := os.DirFS("../..")
	var files []source
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if entry.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
		files = append(files, source{name, syntax, bytes.Count(text, []byte("\n"))})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f source) bool { return f.path == "messagestore/store.go" }) {
		t.Fatal("the walk missed the module")
	}
	return files
}
