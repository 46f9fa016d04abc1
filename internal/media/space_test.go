package media_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"videotutorials/internal/media"
)

func TestFolder_CheckSpace(t *testing.T) {
	t.Parallel()
	f, _ := open(t)
	const mib = 1 << 20
	if free, size, err := f.Space(); err != nil || free < 0 || size < free {
		t.Errorf("%d of %d bytes are free, %v", free, size, err)
	}
	for test, c := range map[string]struct {
		free, size, more int64
		ok               bool
	}{
		"Much":       {500 << 30, 1 << 40, 2 << 30, true},
		"JustEnough": {1 << 30, 1 << 40, 0, true},
		"TooLittle":  {1<<30 - 1, 1 << 40, 0, false},
		"TooLarge":   {3 << 30, 1 << 40, 2<<30 + 1, false},
		"SmallDisk":  {5 * mib, 100 * mib, 0, true},
		"SmallFull":  {5*mib - 1, 100 * mib, 0, false},
		"Empty":      {0, 1 << 40, 0, false},
	} {
		f.Space = func() (int64, int64, error) { return c.free, c.size, nil }
		if err := f.CheckSpace(c.more); (err == nil) != c.ok || err != nil && !errors.Is(err, media.ErrNoSpace) {
			t.Errorf("%s: %v", test, err)
		}
	}
	f.Space = func() (int64, int64, error) { return 0, 0, io.ErrUnexpectedEOF }
	if err := f.CheckSpace(0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want io.ErrUnexpectedEOF", err)
	}
}

// A full disk fails an upload at its start and while it is written, and leaves no files.
func TestUpload_NoSpace(t *testing.T) {
	t.Parallel()
	f, path := open(t)
	free := int64(2 << 30)
	f.Space = func() (int64, int64, error) { return free, 1 << 40, nil }
	if _, err := f.CreateUpload(owner, upload, 1<<30+1); !errors.Is(err, media.ErrNoSpace) {
		t.Errorf("CreateUpload: %v, want ErrNoSpace", err)
	}
	u, err := f.CreateUpload(owner, upload, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(u, "bytes"); err != nil {
		t.Fatal(err)
	}
	free = 1 << 30
	if n, err := io.WriteString(u, "more"); n != 0 || !errors.Is(err, media.ErrNoSpace) {
		t.Errorf("Write: %d, %v, want ErrNoSpace", n, err)
	}
	if err := u.Abort(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Join(path, "tmp"))
	if got := files(t, path); len(got) > 0 || len(left) > 0 || err != nil {
		t.Errorf("files %q, scratch folders %v, %v; want none", got, left, err)
	}
}
