package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// Publish makes the file at the path the video's: one in a Scratch, or an upload
// as it is. The path MUST be in the folder, and nobody may write to the file
// later. It is put on disk first, and replaces the video's file in one step, so
// that to publish again is safe. The file at the path stays too.
func (f *Folder) Publish(video uuid.UUID, path string) error {
	return f.publish(videoName(video), path)
}

// PublishPoster makes the file at the path the video's poster, a JPEG. Otherwise
// it is as Publish.
func (f *Folder) PublishPoster(video uuid.UUID, path string) error {
	return f.publish(videoName(video)+posterType, path)
}

func (f *Folder) publish(name, path string) error {
	source, err := filepath.Rel(f.path, path)
	if err != nil || !filepath.IsLocal(source) {
		return fmt.Errorf("publish %s: it is not in %s", path, f.path)
	}
	scratch, err := f.Scratch()
	if err != nil {
		return err
	}
	if err := errors.Join(f.replace(name, source, filepath.Join(scratch.name, videos)), scratch.Remove()); err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	return nil
}

// replace gives the source the name, by way of a second one: a rename replaces
// what is there, a link does not.
func (f *Folder) replace(name, source, second string) error {
	info, err := f.root.Lstat(source)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file: %w", source, fs.ErrInvalid)
	}
	if err := f.sync(source); err != nil {
		return err
	}
	if err := f.root.Link(source, second); err != nil {
		return err
	}
	if err := f.root.Rename(second, name); err != nil {
		return err
	}
	return f.sync(videos)
}

// OpenVideo returns the published video, to be read. It returns fs.ErrNotExist
// if there is none.
func (f *Folder) OpenVideo(video uuid.UUID) (*os.File, error) { return f.open(videoName(video)) }

// OpenPoster returns the video's poster, to be read. It returns fs.ErrNotExist
// if there is none.
func (f *Folder) OpenPoster(video uuid.UUID) (*os.File, error) {
	return f.open(videoName(video) + posterType)
}
