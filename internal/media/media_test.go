package media_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/internal/media"
)

var (
	owner  = uuid.MustParse("c0ffee00-0000-4000-8000-000000000001")
	upload = uuid.MustParse("5a0f9f2c-6d57-4b8e-9a9c-2f6f3c1d7e10")
	video  = uuid.MustParse("7f1c2d3e-4a5b-4c6d-8e9f-0a1b2c3d4e5f")
)

func open(t *testing.T) (*media.Folder, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data", "media")
	f, err := media.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, path
}

// files returns the relative paths of all files in the folder.
func files(t *testing.T, path string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, err = filepath.Rel(path, name)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// put stores an upload with the text.
func put(t *testing.T, f *media.Folder, id uuid.UUID, text string) {
	t.Helper()
	u, err := f.CreateUpload(owner, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(u, text); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file *os.File, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An upload is visible only after Commit, and only to its owner.
func TestUpload(t *testing.T) {
	t.Parallel()
	f, path := open(t)
	u, err := f.CreateUpload(owner, upload, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(u, "bytes"); err != nil {
		t.Fatal(err)
	}
	if _, has, err := f.UploadSize(owner, upload); has || err != nil {
		t.Errorf("before Commit: found %t, %v", has, err)
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, has, err := f.UploadSize(owner, upload); !has || err != nil {
		t.Errorf("after Commit: found %t, %v", has, err)
	}
	file, err := f.OpenUpload(owner, upload)
	if text := read(t, file, err); text != "bytes" {
		t.Errorf("content is %q", text)
	}
	name := filepath.Join("uploads", owner.String(), upload.String())
	if got := files(t, path); !slices.Equal(got, []string{name}) {
		t.Errorf("files are %q", got)
	}
	if got := f.UploadPath(owner, upload); got != filepath.Join(path, name) {
		t.Errorf("path is %s", got)
	}
	if _, has, err := f.UploadSize(video, upload); has || err != nil {
		t.Errorf("for another owner: found %t, %v", has, err)
	}
	if _, err := f.OpenUpload(video, upload); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("for another owner: %v", err)
	}
}

// A second upload with the same id does not replace the first, which may be open or published.
func TestUpload_FirstIsKept(t *testing.T) {
	t.Parallel()
	f, path := open(t)
	put(t, f, upload, "first")
	put(t, f, upload, "second")
	file, err := f.OpenUpload(owner, upload)
	if text := read(t, file, err); text != "first" {
		t.Errorf("content is %q", text)
	}
	if got := files(t, path); len(got) != 1 {
		t.Errorf("files are %q", got)
	}
}

func TestUpload_Abort(t *testing.T) {
	t.Parallel()
	f, path := open(t)
	u, err := f.CreateUpload(owner, upload, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(u, "bytes"); err != nil {
		t.Fatal(err)
	}
	if err := u.Abort(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(path, "tmp"))
	if got := files(t, path); len(got) > 0 || len(left) > 0 || err != nil {
		t.Errorf("files %q, scratch folders %v, %v; want none", got, left, err)
	}
}

// A failed Commit leaves no files.
func TestUpload_CommitFails(t *testing.T) {
	t.Parallel()
	f, path := open(t)
	if err := os.WriteFile(filepath.Join(path, "uploads", owner.String()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := f.CreateUpload(owner, upload, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(); err == nil {
		t.Error("Commit = nil, want an error")
	}
	if left, err := os.ReadDir(filepath.Join(path, "tmp")); len(left) > 0 || err != nil {
		t.Errorf("scratch folders %v, %v; want none", left, err)
	}
}

func TestFolder_Uploads(t *testing.T) {
	t.Parallel()
	f, _ := open(t)
	put(t, f, upload, "12345")
	put(t, f, video, "123")
	if count, bytes, err := f.Uploads(owner); count != 2 || bytes != 8 || err != nil {
		t.Errorf("%d uploads, %d bytes, %v", count, bytes, err)
	}
	if count, bytes, err := f.Uploads(video); count != 0 || bytes != 0 || err != nil {
		t.Errorf("another owner: %d uploads, %d bytes, %v", count, bytes, err)
	}
}

func TestFolder_Publish(t *testing.T) {
	t.Parallel()
	f, path := open(t)
	put(t, f, upload, "as it is")
	if _, err := f.OpenVideo(video); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: %v", err)
	}
	for range 2 { // publishing can be repeated
		if err := f.Publish(video, f.UploadPath(owner, upload)); err != nil {
			t.Fatal(err)
		}
	}
	file, err := f.OpenVideo(video)
	if text := read(t, file, err); text != "as it is" {
		t.Errorf("content is %q", text)
	}
	scratch, err := f.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"video.mp4", "poster.jpg"} {
		if err := os.WriteFile(scratch.Path(name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Publish(video, scratch.Path("video.mp4")), f.PublishPoster(video, scratch.Path("poster.jpg")), scratch.Remove()); err != nil {
		t.Fatal(err)
	}
	file, err = f.OpenVideo(video)
	if text := read(t, file, err); text != "video.mp4" {
		t.Errorf("after the second publication its content is %q", text)
	}
	file, err = f.OpenPoster(video)
	if text := read(t, file, err); text != "poster.jpg" {
		t.Errorf("poster is %q", text)
	}
	want := []string{filepath.Join("uploads", owner.String(), upload.String()), "videos/" + video.String(), "videos/" + video.String() + ".jpg"}
	if got := files(t, path); !slices.Equal(got, want) {
		t.Errorf("files are %q", got)
	}
}

// Files outside the folder are neither published nor served, not even through links.
func TestFolder_Confined(t *testing.T) {
	t.Parallel()
	f, path := open(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(path, "tmp", "link")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(path, "videos", video.String())); err != nil {
		t.Fatal(err)
	}
	put(t, f, upload, "inside")
	inner := filepath.Join(path, "tmp", "inner")
	if err := os.Symlink(filepath.Join("..", "uploads", owner.String(), upload.String()), inner); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{secret, link, inner, path, filepath.Join(path, "..", "..", "secret"), filepath.Join(path, "tmp", "none"), "tmp/link", ""} {
		if err := f.Publish(owner, source); err == nil {
			t.Errorf("%q was published", source)
		}
	}
	if _, err := f.OpenVideo(video); err == nil {
		t.Error("a link out of the folder was followed")
	}
	scratch, err := f.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	if got := scratch.Path("../../../x"); filepath.Base(filepath.Dir(filepath.Dir(got))) != "tmp" {
		t.Errorf("a path in a scratch folder is %s", got)
	}
}

func TestFolder_Sweep(t *testing.T) {
	t.Parallel()
	f, path := open(t)
	now := time.Now()
	age := func(name string, by time.Duration) {
		t.Helper()
		if err := os.Chtimes(name, now.Add(-by), now.Add(-by)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, f, upload, "old")
	put(t, f, video, "new")
	age(f.UploadPath(owner, upload), media.UploadAge+time.Second)
	age(f.UploadPath(owner, video), media.UploadAge-time.Second)
	if err := f.Publish(video, f.UploadPath(owner, upload)); err != nil {
		t.Fatal(err)
	}
	var scratches []*media.Scratch
	for range 2 {
		s, err := f.Scratch()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.Path("x"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		age(s.Path("x"), media.ScratchAge+time.Second)
		age(filepath.Dir(s.Path("x")), media.ScratchAge+time.Second)
		scratches = append(scratches, s)
	}
	age(scratches[1].Path("x"), media.ScratchAge-time.Second) // written to recently
	if removed, err := f.Sweep(now); removed != 2 || err != nil {
		t.Errorf("%d removed, %v", removed, err)
	}
	got, err := filepath.Rel(path, scratches[1].Path("x"))
	want := []string{got, filepath.Join("uploads", owner.String(), video.String()), "videos/" + video.String()}
	if got := files(t, path); !slices.Equal(got, want) || err != nil {
		t.Errorf("files are %q, want %q, %v", got, want, err)
	}
}

func TestParseUploadURI(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{media.UploadURI(upload), "upload:" + strings.ToUpper(upload.String())} {
		if got, ok := media.ParseUploadURI(uri); !ok || got != upload {
			t.Errorf("%s is %s, %t", uri, got, ok)
		}
	}
	for _, uri := range []string{
		"", "upload:", upload.String(), "UPLOAD:" + upload.String(), "upload:{" + upload.String() + "}", "upload:../" + upload.String()[3:],
		"upload:urn:uuid:" + upload.String(), "upload:" + strings.ReplaceAll(upload.String(), "-", ""), "upload:" + upload.String() + "/",
	} {
		if got, ok := media.ParseUploadURI(uri); ok {
			t.Errorf("%s is %s", uri, got)
		}
	}
}
