package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"videotutorials/messagestore/contract"
)

// TestPolicy_Contracts has the contracts of all categories in the policy: one that
// policy.go does not import is not linked, and its categories belong to whoever
// comes first. It reads the imports since tests link contracts, too.
func TestPolicy_Contracts(t *testing.T) {
	t.Parallel()
	imported := map[string]bool{}
	for _, spec := range parse(t, "policy.go").Imports {
		imported[unquoted(t, spec.Path.Value)] = true
	}
	declared := map[string]bool{}
	for _, d := range contract.Declarations() {
		declared[string(d.Category)] = true
	}
	categories := 0
	for file, text := range protos(t) {
		for _, found := range owned.FindAllStringSubmatch(text, -1) {
			categories++
			pkg := "videotutorials/proto/" + path.Dir(file)
			switch {
			case !imported[pkg]:
				t.Errorf("proto/%s declares the category %s: add `_ %q` to the imports of cmd/videotutorials/policy.go", file, found[1], pkg)
			case !declared[found[1]]:
				t.Errorf("proto/%s declares the category %s, its Go does not: run `make generate`", file, found[1])
			}
		}
	}
	if categories < len(declared) {
		t.Errorf("the protos have %d categories that the test finds, and %d are declared", categories, len(declared))
	}
}

// TestPrincipals holds the components to each other as the contracts, the
// certificates and cmd/components have them.
func TestPrincipals(t *testing.T) {
	t.Parallel()
	owners, certified := map[string]bool{}, map[string]bool{}
	for _, d := range contract.Declarations() {
		for _, principal := range append(slices.Clone(d.Readers), d.Owner) {
			if name, ok := strings.CutPrefix(principal, "component/"); ok {
				owners[name] = owners[name] || principal == d.Owner
			}
		}
	}
	for name, principal := range principals {
		component, ok := strings.CutPrefix(principal, "component/")
		if !ok {
			continue
		}
		certified[component] = true
		if name != component {
			t.Errorf("principals in cmd/videotutorials/up.go has %s under %q, want the component's name", principal, name)
		}
		if !owners[component] {
			t.Errorf("%s is among the principals in cmd/videotutorials/up.go, and owns no category in a contract", principal)
		}
	}
	for name := range owners {
		if !certified[name] {
			t.Errorf("a contract names component/%s: add `%q: \"component/%s\",` to principals in cmd/videotutorials/up.go", name, name, name)
		}
	}
	run := components(t)
	for _, name := range slices.Sorted(maps.Keys(certified)) {
		if !run[name] {
			t.Errorf("component/%s is among the principals in cmd/videotutorials/up.go, and not among all in cmd/components/settings.go", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(run)) {
		if !certified[name] {
			t.Errorf("%s is among all in cmd/components/settings.go: add `%q: \"component/%s\",` to principals in cmd/videotutorials/up.go", name, name, name)
		}
	}
}

// owned is the option that declares a category.
var owned = regexp.MustCompile(`(?m)^option \(messagestore\.v1\.owned_categories\) = \{\s*name: "([^"]+)"`)

// protos returns the texts of the protos by their paths.
func protos(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..", "proto")
	files, err := filepath.Glob(filepath.Join(root, "*", "v*", "*.proto"))
	if err != nil || len(files) == 0 {
		t.Fatalf("protos %q, %v", files, err)
	}
	texts := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.ToSlash(name)] = string(text)
	}
	return texts
}

// components returns the names that the method all of cmd/components has. That is
// a main package, which nobody can import.
func components(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, d := range parse(t, filepath.Join("..", "components", "settings.go")).Decls {
		function, ok := d.(*ast.FuncDecl)
		if !ok || function.Name.Name != "all" {
			continue
		}
		ast.Inspect(function, func(n ast.Node) bool {
			if pair, ok := n.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.BasicLit); ok {
					names[unquoted(t, key.Value)] = true
					return false
				}
			}
			return true
		})
	}
	if len(names) == 0 {
		t.Fatal("cmd/components/settings.go has no method all with the components by their names")
	}
	return names
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func unquoted(t *testing.T, literal string) string {
	t.Helper()
	text, err := strconv.Unquote(literal)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
