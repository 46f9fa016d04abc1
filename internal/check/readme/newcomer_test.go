package readme_test

import (
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// A tree is ours after a newcomer has done what the README says. The files that
// are other than ours lie elsewhere: Go is told where (go help build, -overlay).
type tree struct {
	t       *testing.T
	overlay string
}

// newcomer does what the README says.
func newcomer(t *testing.T) tree {
	t.Helper()
	elsewhere, said := t.TempDir(), section(t)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	write := func(path, text string) {
		there := filepath.Join(elsewhere, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(there), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(there, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root(t), filepath.FromSlash(path))] = there
	}
	for path, text := range said.files {
		switch filepath.Ext(path) {
		case ".sql":
			path = numbered(t, path)
		case ".proto":
			write(strings.Replace(path, ".proto", ".pb.go", 1), generated(t, strings.TrimPrefix(path, "proto/"), text))
		}
		write(path, text)
	}
	if len(said.lines) != len(lists) {
		t.Errorf("the README adds lines to %d files, want %d", len(said.lines), len(lists))
	}
	for path, line := range said.lines {
		write(path, told(t, path, line))
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	made := tree{t, filepath.Join(elsewhere, "overlay.json")}
	if err := os.WriteFile(made.overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return made
}

// run runs go on the tree and returns what it said.
func (tr tree) run(command string, args ...string) string {
	tr.t.Helper()
	cmd := exec.CommandContext(tr.t.Context(), "go", append([]string{command, "-overlay", tr.overlay}, args...)...)
	cmd.Dir = root(tr.t)
	said, err := cmd.CombinedOutput()
	if err != nil {
		tr.t.Fatalf("go %s: %v\n%s", command, err, said)
	}
	return string(said)
}

// lists are where a part is told of: what stands before the README's line, and
// the import that the line needs.
var lists = map[string]struct{ after, imports string }{
	"cmd/components/settings.go":   {"return map[string]func() ([]components.Consumer, error){\n", "videotutorials/components/comment"},
	"cmd/aggregators/settings.go":  {"return map[string]aggregators.Aggregator{\n", "videotutorials/aggregators/videocomments"},
	"cmd/videotutorials/up.go":     {"var principals = map[string]string{\n", ""},
	"cmd/videotutorials/policy.go": {"import (\n", ""},
}

// told returns the file with the line.
func told(t *testing.T, path, line string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), path))
	if err != nil {
		t.Fatal(err)
	}
	list, ok := lists[path]
	if !ok || strings.Count(string(text), list.after) != 1 {
		t.Fatalf("%s has not the one place for a line that the test knows: %q", path, list.after)
	}
	more := strings.Replace(string(text), list.after, list.after+line+"\n", 1)
	if list.imports != "" {
		more = strings.Replace(more, "import (\n", "import (\n\""+list.imports+"\"\n", 1)
	}
	formatted, err := format.Source([]byte(more))
	if err != nil {
		t.Fatalf("%s with %s: %v", path, line, err)
	}
	return string(formatted)
}

// generated returns the Go of a proto, as `make generate` does. The test has no
// buf, which is built where it is needed first.
func generated(t *testing.T, path, text string) string {
	t.Helper()
	protos := filepath.Join(root(t), "proto")
	compiler := protocompile.Compiler{
		SourceInfoMode: protocompile.SourceInfoStandard,
		Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
			&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{path: text})},
			&protocompile.SourceResolver{ImportPaths: []string{protos}},
		}),
	}
	files, err := compiler.Compile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	// As buf's managed mode: a package is where its proto is.
	parameter := "paths=source_relative"
	for _, name := range []string{path, "messagestore/v1/contract.proto"} {
		folder := filepath.ToSlash(filepath.Dir(name))
		parameter += ",M" + name + "=videotutorials/proto/" + folder + ";" + strings.ReplaceAll(folder, "/", "")
	}
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{path}, Parameter: proto.String(parameter), ProtoFile: needed(files[0], map[string]bool{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	plugin := exec.CommandContext(t.Context(), "go", "tool", "protoc-gen-go")
	plugin.Dir, plugin.Stdin = root(t), strings.NewReader(string(request))
	answer, err := plugin.Output()
	if err != nil {
		t.Fatalf("protoc-gen-go: %v", err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(answer, &response); err != nil || len(response.GetFile()) != 1 {
		t.Fatalf("protoc-gen-go: %v, %v", response.GetError(), err)
	}
	return response.GetFile()[0].GetContent()
}

// needed returns the file after those that it imports.
func needed(file protoreflect.FileDescriptor, seen map[string]bool) (all []*descriptorpb.FileDescriptorProto) {
	if seen[file.Path()] {
		return nil
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		all = append(all, needed(file.Imports().Get(i).FileDescriptor, seen)...)
	}
	return append(all, protoutil.ProtoFromFileDescriptor(file))
}
