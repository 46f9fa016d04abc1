// Package media is the folder of videos on disk. The application puts uploads
// there and serves what is published; the component videopublishing publishes.
//
//	uploads/<owner>/<upload>   what users have sent; not longer than a week
//	videos/<video>             published videos
//	videos/<video>.jpg         their posters
//	tmp/<random>/              work that is not done yet
//
// A file that is not in tmp is whole and on disk, and is never written again. A
// crash leaves nothing but a folder in tmp, which Sweep removes. Nothing outside
// of the folder is ever touched, not by a symbolic link either. It never fills its
// disk, see CheckRoom.
package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

const (
	uploads    = "uploads"
	videos     = "videos"
	temporary  = "tmp"
	posterType = ".jpg"

	folderMode = 0o700
	fileMode   = 0o600
)

// A Folder is the folder of videos. Several processes may use one at a time. All
// of it is on one file system. Make it with Open.
type Folder struct {
	// Space returns how many bytes of the file system are free, and how many it
	// has. Open sets it; tests have another.
	Space func() (free, size int64, err error)

	path string
	root *os.Root
}

// Open returns the folder at the path, which it makes if it is not there. Close
// it.
func Open(path string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open media: %w", err)
	}
	if err := os.MkdirAll(path, folderMode); err != nil {
		return nil, fmt.Errorf("open media: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open media: %w", err)
	}
	f := &Folder{func() (int64, int64, error) { return space(path) }, path, root}
	for _, name := range []string{uploads, videos, temporary} {
		if err := f.makeFolder(name); err != nil {
			return nil, errors.Join(err, root.Close())
		}
	}
	return f, nil
}

// Close lets go of the folder. Files that are open stay so.
func (f *Folder) Close() error { return f.root.Close() }

// makeFolder makes a folder, of which the parent is there, so that it is there
// after a crash too.
func (f *Folder) makeFolder(name string) error {
	err := f.root.Mkdir(name, folderMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = f.sync(filepath.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("make media folder: %w", err)
	}
	return nil
}

// sync puts a file, or the names in a folder, on disk.
func (f *Folder) sync(name string) error {
	file, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// open returns a file to be read, which is a regular one.
func (f *Folder) open(name string) (*os.File, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open media: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open media %s: %w", name, err), file.Close())
	}
	return file, nil
}

func uploadName(owner, upload uuid.UUID) string {
	return filepath.Join(uploads, owner.String(), upload.String())
}

func videoName(video uuid.UUID) string { return filepath.Join(videos, video.String()) }
