package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// Publish makes a file the video: a file in a Scratch, or an upload as it is. The path
// MUST be in the folder, and the file MUST NOT be written to afterwards. Publish syncs
// the file to disk and replaces an existing video atomically, so it can be repeated. The
// file at the path is kept, too.
func (f *Folder) Publish(video uuid.UUID, path string) error {
	return f.publish(videoName(video), path)
}

// PublishPoster makes a file, a JPEG image, the poster of the video. Otherwise it is like
// Publish.
func (f *Folder) PublishPoster(video uuid.UUID, path string) error {
	return f.publish(videoName(video)+posterType, path)
}

func (f *Folder) publish(name, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("publish %s as %s: %w", path, name, err)
		}
	}()
	source, err := filepath.Rel(f.root.Name(), path)
	if err != nil || !filepath.IsLocal(source) {
		return fmt.Errorf("not in %s", f.root.Name())
	}
	info, err := f.root.Lstat(source)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a regular file: %w", fs.ErrInvalid)
	}
	if err := f.sync(source); err != nil {
		return err
	}
	scratch, err := f.Scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scratch.Remove()) }()
	// A link keeps the source, but only a rename replaces an existing file: use both.
	link := filepath.Join(scratch.name, videos)
	if err := f.root.Link(source, link); err != nil {
		return err
	}
	if err := f.root.Rename(link, name); err != nil {
		return err
	}
	return f.sync(videos)
}

// OpenVideo opens the published video for reading. It returns fs.ErrNotExist if there is
// none.
func (f *Folder) OpenVideo(video uuid.UUID) (*os.File, error) { return f.open(videoName(video)) }

// OpenPoster opens the poster of the video for reading. It returns fs.ErrNotExist if
// there is none.
func (f *Folder) OpenPoster(video uuid.UUID) (*os.File, error) {
	return f.open(videoName(video) + posterType)
}
