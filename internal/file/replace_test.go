package file_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"videotutorials/internal/file"
)

// broken is content that ends with an error.
type broken struct{}

var errBroken = errors.New("broken")

func (broken) WriteTo(w io.Writer) (int64, error) {
	n, _ := io.WriteString(w, "half")
	return int64(n), errBroken
}

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	expect := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
			t.Errorf("files %v, %v; want the one", names, err)
		}
	}
	for _, text := range []string{"first", "second", ""} {
		if err := file.Replace(path, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		expect(text)
	}
	if err := file.Replace(path, broken{}); !errors.Is(err, errBroken) {
		t.Errorf("%v, want that it is broken", err)
	}
	expect("")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := file.Replace(filepath.Join(path, "in a file"), strings.NewReader("")); err == nil {
		t.Error("a file was replaced in no folder")
	}
}
