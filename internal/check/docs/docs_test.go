// Package docs_test checks the Markdown documents: links resolve, named paths
// and tests exist, and docs/contracts.md is complete.
package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	// The protos whose names docs/contracts.md must have.
	_ "videotutorials/proto/application/v1"
	_ "videotutorials/proto/authentication/v1"
	_ "videotutorials/proto/identity/v1"
	_ "videotutorials/proto/messagestore/v1"
	_ "videotutorials/proto/sendemail/v1"
	_ "videotutorials/proto/subscriberposition/v1"
	_ "videotutorials/proto/videopublishing/v1"
	_ "videotutorials/proto/viewing/v1"
)

const root = "../../.."

// documents returns the Markdown files by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			all[file] = read(t, file)
		}
	}
	if all["README.md"] == "" || all["docs/contracts.md"] == "" {
		t.Fatalf("found only %d documents", len(all))
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(file string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
	return err == nil
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	// quoted is code that looks like a path in this repository.
	quoted = regexp.MustCompile("`((?:cmd|internal|proto|messagestore|components|aggregators|viewdata|application|mvc|docs|\\.ci)/[\\w./-]+)`")
	fenced = regexp.MustCompile("(?ms)^```.*?^```$")
	named  = regexp.MustCompile("`([\\w/]+) (Test\\w+)`")
)

func TestLinks(t *testing.T) {
	t.Parallel()
	all := documents(t)
	for file, text := range all {
		for _, match := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			target, fragment, _ := strings.Cut(match[1], "#")
			target = path.Join(path.Dir(file), target)
			if match[1][0] == '#' {
				target = file
			}
			if !exists(target) {
				t.Errorf("%s links to %s, which does not exist", file, match[1])
			} else if fragment != "" && !slices.Contains(anchors(all[target]), fragment) {
				t.Errorf("%s links to %s, which has no such heading", file, match[1])
			}
		}
	}
}

// anchors returns the fragments that GitHub gives to the headings of a document.
func anchors(text string) (all []string) {
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
	}
	return all
}

// TestPaths checks paths in code spans. docs/tutorial.md is left out because it
// names files that its reader creates.
func TestPaths(t *testing.T) {
	t.Parallel()
	for file, text := range documents(t) {
		for _, match := range quoted.FindAllStringSubmatch(text, -1) {
			if file != "docs/tutorial.md" && file != "CHANGELOG.md" && !exists(match[1]) {
				t.Errorf("%s names %s, which does not exist", file, match[1])
			}
		}
	}
}

// TestTests checks tests named as `folder TestName`.
func TestTests(t *testing.T) {
	t.Parallel()
	found := 0
	for file, text := range documents(t) {
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			found++
			tests, err := filepath.Glob(filepath.Join(root, match[1], "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(tests, func(test string) bool {
				source, err := os.ReadFile(test)
				return err == nil && strings.Contains(string(source), "func "+match[2]+"(")
			}) {
				t.Errorf("%s names test %s in %s, which does not exist", file, match[2], match[1])
			}
		}
	}
	if found == 0 {
		t.Error("no document names a test")
	}
}

// metric matches the literal names of metrics.
const metric = `"((?:messagestore|consumer|videotutorials|videopublishing|grpc_server|http_server|mvc)_[a-z_]+)"`

// TestContracts checks that docs/contracts.md names everything on the wire.
func TestContracts(t *testing.T) {
	t.Parallel()
	text := read(t, "docs/contracts.md")
	want := func(kind, name string) {
		if !regexp.MustCompile(`(^|[^\w])` + regexp.QuoteMeta(name) + `($|[^\w])`).MatchString(text) {
			t.Errorf("docs/contracts.md lacks %s %s", kind, name)
		}
	}
	files := 0
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if !exists("proto/" + f.Path()) {
			return true
		}
		files++
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				want("RPC", string(methods.Get(j).Name()))
				if rule, ok := proto.GetExtension(methods.Get(j).Options(), annotations.E_Http).(*annotations.HttpRule); ok && rule != nil {
					want("path", rule.GetGet()+rule.GetPost()+rule.GetDelete())
				}
			}
		}
		if f.Package() != "application.v1" { // its fields are in OpenAPI
			for i := range f.Messages().Len() {
				m := f.Messages().Get(i)
				if m.Name() == "OwnedCategory" {
					continue
				}
				want("message", string(m.Name()))
				for j := range m.Fields().Len() {
					name := string(m.Fields().Get(j).Name())
					if f.Package() != "messagestore.v1" {
						name = m.Fields().Get(j).JSONName()
					}
					want(fmt.Sprintf("field of %s", m.Name()), name)
				}
			}
		}
		return true
	})
	if files < 10 {
		t.Fatalf("found only %d protos", files)
	}
	for _, source := range []struct{ kind, glob, pattern string }{
		{"table", "*/migrations/*.sql", `(?m)^create table (\w+) `},
		{"table", "messagestore/postgres/migrations/*.sql", `(?m)^create table message_store\.(\w+) `},
		{"function", "messagestore/postgres/functions/*.sql", `(?m)^create function message_store\.(\w+)`},
		{"metric", "*/*.go", metric},
		{"metric", "*/*/*.go", metric},
	} {
		names := 0
		sources, err := fs.Glob(os.DirFS(root), source.glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range sources {
			for _, match := range regexp.MustCompile(source.pattern).FindAllStringSubmatch(read(t, file), -1) {
				names++
				want(source.kind, match[1])
			}
		}
		if names == 0 {
			t.Errorf("found no %s in %s", source.kind, source.glob)
		}
	}
}
