// Package media stores videos in a folder on disk. The application stores uploads and
// serves published videos; the component videopublishing publishes videos.
//
//	uploads/<owner>/<upload>   files that users have uploaded, kept for a week
//	videos/<video>             published videos
//	videos/<video>.jpg         their posters
//	tmp/<random>/              unfinished work
//
// A file outside tmp is complete, synced to disk, and never written to again. A crash
// leaves nothing but a folder in tmp, which Sweep removes. Nothing outside the folder is
// ever accessed, not even through a symbolic link. The folder never fills its disk, see
// CheckSpace.
package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

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

// A Folder is the folder of videos, all on one file system. Several processes may use it
// at the same time. Make it with Open.
type Folder struct {
	// Space returns the free and the total bytes of the file system. Open sets it; tests
	// replace it.
	Space func() (free, total int64, err error)

	root *os.Root
}

// Open returns the folder at the path, and creates it if necessary. The caller closes it.
func Open(path string) (f *Folder, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open media: %w", err)
		}
	}()
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, folderMode); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	f = &Folder{func() (int64, int64, error) { return space(path) }, root}
	for _, name := range []string{uploads, videos, temporary} {
		if err := f.makeFolder(name); err != nil {
			return nil, errors.Join(err, root.Close())
		}
	}
	return f, nil
}

// Close closes the folder. Open files stay open.
func (f *Folder) Close() error { return f.root.Close() }

// makeFolder creates a folder and syncs its parent, unless the folder exists.
func (f *Folder) makeFolder(name string) error {
	if err := f.root.Mkdir(name, folderMode); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return f.sync(filepath.Dir(name))
}

// sync puts a file, or the names in a folder, on disk.
func (f *Folder) sync(name string) error {
	file, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// open opens a regular file for reading.
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

// ErrNoSpace means that the disk has too little free space. Videos must not take the
// space that other programs on the disk need, such as the database.
var ErrNoSpace = errors.New("not enough free disk space")

const (
	// reserve is the number of bytes that stay free: enough for the database's
	// write-ahead log between two checkpoints, and for an operator to react.
	reserve = 1 << 30
	// smallDisk is the fraction of a small disk that stays free instead.
	smallDisk = 20
)

// CheckSpace returns ErrNoSpace if the disk would have less free space than 1 GiB, or
// than a twentieth of a smaller disk, after the given number of bytes was written.
func (f *Folder) CheckSpace(bytes int64) error {
	free, total, err := f.Space()
	if err != nil {
		return fmt.Errorf("read free space: %w", err)
	}
	// Some file systems report neither total nor free space.
	if reserved := min(reserve, total/smallDisk); total > 0 && free-bytes < reserved {
		return fmt.Errorf("%w: %d MiB are free, %d MiB are reserved", ErrNoSpace, free>>20, reserved>>20)
	}
	return nil
}

const (
	// UploadAge is how long an upload is kept. Published videos are never removed.
	UploadAge = 7 * 24 * time.Hour
	// ScratchAge is how long after the last write a Scratch counts as left by a crash.
	ScratchAge = 24 * time.Hour
)

// Sweep removes uploads older than UploadAge and scratch folders older than ScratchAge,
// and returns how many. After an error it continues, and returns all errors at the end.
// Several processes may sweep at the same time.
func (f *Folder) Sweep(now time.Time) (removed int, err error) {
	var errs []error
	sweep := func(pattern string, age time.Duration) {
		names, err := fs.Glob(f.root.FS(), pattern)
		errs = append(errs, err)
		for _, name := range names {
			written, err := f.lastWritten(name)
			if err == nil && now.Sub(written) > age {
				if err = f.root.RemoveAll(name); err == nil {
					removed++
				}
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("sweep media: %w", err))
			}
		}
	}
	// The owners' folders stay: an upload may just be committed to one.
	sweep(filepath.Join(uploads, "*", "*"), UploadAge)
	sweep(filepath.Join(temporary, "*"), ScratchAge)
	return removed, errors.Join(errs...)
}

// lastWritten returns when the file, or the folder or anything in it, was last written.
func (f *Folder) lastWritten(name string) (last time.Time, err error) {
	err = fs.WalkDir(f.root.FS(), name, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		return err
	})
	return last, err
}
