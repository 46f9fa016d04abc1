package tutorial_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildElsewhere builds the tutorial's files in the module example.org/comments,
// outside this repository, and returns the folder of its programs.
func buildElsewhere(t *testing.T) string {
	t.Helper()
	const module = "example.org/comments"
	folder, tutorial := t.TempDir(), parse(t)
	if len(tutorial.elsewhere) != 2 {
		t.Errorf("%d files of another repository, want two programs", len(tutorial.elsewhere))
	}
	write := func(path, text string) {
		for _, own := range []string{"videotutorials/proto/comment", "videotutorials/components/comment", "videotutorials/aggregators/videocomments"} {
			text = strings.ReplaceAll(text, `"`+own, `"`+module+strings.TrimPrefix(own, "videotutorials"))
		}
		file := filepath.Join(folder, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range tutorial.files {
		switch filepath.Ext(path) {
		case ".proto":
			write(strings.Replace(path, ".proto", ".pb.go", 1), generate(t, strings.TrimPrefix(path, "proto/"), text))
		case ".sql":
			write("cmd/commentviews/migrations/00001_video_comments.sql", text)
		default:
			write(path, text)
		}
	}
	for path, text := range tutorial.elsewhere {
		write(path, text)
	}
	write("go.mod", "module "+module+"\n\ngo 1.26.0\n\nrequire videotutorials v0.0.0\n\nreplace videotutorials => "+root(t)+"\n")
	sums, err := os.ReadFile(filepath.Join(root(t), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write("go.sum", string(sums))
	programs := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", programs+"/", "./cmd/...")
	build.Dir, build.Env = folder, append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the module: %v\n%s", err, output)
	}
	return programs
}
