package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Replace replaces the content of the file, which only its user may read. Readers
// see the old content or the new one, also after a power failure; once Replace has
// returned nil, the new one. After an error the old content is in place, or the new
// one if only the folder could not be synced. Concurrent calls for one file are safe.
func Replace(path string, content io.WriterTo) (err error) {
	fresh, err := os.CreateTemp(filepath.Dir(path), "*.tmp")
	if err != nil {
		return err
	}
	_, err = content.WriteTo(fresh)
	if err == nil {
		err = fresh.Sync()
	}
	err = errors.Join(err, fresh.Close())
	if err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir syncs the folder, which makes the names of its files durable.
func SyncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
