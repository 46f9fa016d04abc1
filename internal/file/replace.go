// Package durable puts files on disk, whole.
package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Replace makes the file say the content, readable by its user only. Whoever reads
// it finds the old one or the new one, whole, also after a failure of the power;
// once Replace has returned nil, the new one. After an error the old one is there,
// or the new one where only the folder could not be put on disk. Several may
// replace the same file.
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

// SyncFolder puts the names of the folder's files on disk.
func SyncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
