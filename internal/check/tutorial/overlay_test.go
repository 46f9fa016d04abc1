package tutorial_test

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

// A tree is the repository with the tutorial's files added. Added and changed
// files are in a temporary folder; an overlay tells Go where (go help build,
// -overlay).
type tree struct {
	t       *testing.T
	overlay string
}

// follow does what the tutorial tells its reader to do.
func follow(t *testing.T) tree {
	t.Helper()
	folder, tutorial := t.TempDir(), parse(t)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	write := func(path, text string) {
		file := filepath.Join(folder, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root(t), filepath.FromSlash(path))] = file
	}
	for path, text := range tutorial.files {
		switch filepath.Ext(path) {
		case ".sql":
			path = numbered(t, path)
		case ".proto":
			write(strings.Replace(path, ".proto", ".pb.go", 1), generate(t, strings.TrimPrefix(path, "proto/"), text))
		}
		write(path, text)
	}
	if len(tutorial.registrations) != len(registries) {
		t.Errorf("the tutorial changes %d files, want %d", len(tutorial.registrations), len(registries))
	}
	for path, line := range tutorial.registrations {
		write(path, register(t, path, line))
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	tr := tree{t, filepath.Join(folder, "overlay.json")}
	if err := os.WriteFile(tr.overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return tr
}

// run runs a go command on the tree and returns its output.
func (tr tree) run(command string, args ...string) string {
	tr.t.Helper()
	cmd := exec.CommandContext(tr.t.Context(), "go", append([]string{command, "-overlay", tr.overlay}, args...)...)
	cmd.Dir = root(tr.t)
	output, err := cmd.CombinedOutput()
	if err != nil {
		tr.t.Fatalf("go %s: %v\n%s", command, err, output)
	}
	return string(output)
}

// registries are the files that list components and aggregators: the text before
// the line to add, and the import that the line needs.
var registries = map[string]struct{ after, imports string }{
	"cmd/components/main.go":  {"components.Main(\n", "videotutorials/components/comment"},
	"cmd/aggregators/main.go": {"return []aggregators.Aggregator{\n", "videotutorials/aggregators/videocomments"},
}

// register returns the file with the line added.
func register(t *testing.T, path, line string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), path))
	if err != nil {
		t.Fatal(err)
	}
	registry, ok := registries[path]
	if !ok || strings.Count(string(text), registry.after) != 1 {
		t.Fatalf("%s: found no single place for the line, which is expected after %q", path, registry.after)
	}
	changed := strings.Replace(string(text), registry.after, registry.after+line+"\n", 1)
	changed = strings.Replace(changed, "import (\n", "import (\n\""+registry.imports+"\"\n", 1)
	formatted, err := format.Source([]byte(changed))
	if err != nil {
		t.Fatalf("%s with %s: %v", path, line, err)
	}
	return string(formatted)
}

// generate returns the Go code of a proto, like make generate. It does not use buf,
// which is built only on demand.
func generate(t *testing.T, path, text string) string {
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
	// Like buf's managed mode: the Go package is in the folder of the proto.
	parameter := "paths=source_relative"
	for _, name := range []string{path, "messagestore/v1/contract.proto"} {
		folder := filepath.ToSlash(filepath.Dir(name))
		parameter += ",M" + name + "=videotutorials/proto/" + folder + ";" + strings.ReplaceAll(folder, "/", "")
	}
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{path}, Parameter: proto.String(parameter), ProtoFile: dependencies(files[0], map[string]bool{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	plugin := exec.CommandContext(t.Context(), "go", "tool", "protoc-gen-go")
	plugin.Dir, plugin.Stdin = root(t), strings.NewReader(string(request))
	output, err := plugin.Output()
	if err != nil {
		t.Fatalf("protoc-gen-go: %v", err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(output, &response); err != nil || len(response.GetFile()) != 1 {
		t.Fatalf("protoc-gen-go: %v, %v", response.GetError(), err)
	}
	return response.GetFile()[0].GetContent()
}

// dependencies returns the file after all files that it imports.
func dependencies(file protoreflect.FileDescriptor, seen map[string]bool) (all []*descriptorpb.FileDescriptorProto) {
	if seen[file.Path()] {
		return nil
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		all = append(all, dependencies(file.Imports().Get(i).FileDescriptor, seen)...)
	}
	return append(all, protoutil.ProtoFromFileDescriptor(file))
}
