package media

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

const (
	// UploadAge is how long an upload is kept. Published videos are kept longer.
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
				err = f.root.RemoveAll(name)
				removed++
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
