package media

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

const (
	// UploadAge is how long an upload is kept. What was published is not lost
	// with it.
	UploadAge = 7 * 24 * time.Hour
	// ScratchAge is how long nothing may have been written to a Scratch until it
	// is taken for one that a crash has left.
	ScratchAge = 24 * time.Hour
)

// Sweep removes the uploads that are older than UploadAge, and what crashes have
// left in tmp, and returns how many. It goes on after an error, and returns all
// of them. Several may sweep at a time.
func (f *Folder) Sweep(now time.Time) (removed int, err error) {
	var errs []error
	sweep := func(pattern string, age time.Duration, last func(string) (time.Time, error)) {
		names, err := fs.Glob(f.root.FS(), pattern)
		errs = append(errs, err)
		for _, name := range names {
			written, err := last(name)
			if err == nil && now.Sub(written) > age {
				err = f.root.RemoveAll(name)
				removed++
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("sweep media: %w", err))
			}
		}
	}
	// The folders of owners stay: an upload could be on its way into one.
	sweep(filepath.Join(uploads, "*", "*"), UploadAge, f.written)
	sweep(filepath.Join(temporary, "*"), ScratchAge, f.lastWritten)
	return removed, errors.Join(errs...)
}

// written returns when the file was last written to.
func (f *Folder) written(name string) (time.Time, error) {
	info, err := f.root.Lstat(name)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// lastWritten returns when the folder, or anything in it, was last written to.
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
