// Package file replaces files atomically and durably, and locks them.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrLocked is returned if another process holds the lock.
var ErrLocked = errors.New("locked by another process")

// lockInterval is the time between two attempts of Lock.
const lockInterval = 5 * time.Millisecond

// TryLock locks the file or folder and returns it open. Unlock unlocks it, and so
// does closing it or the end of the process. A child that inherits the open file
// shares the lock, and keeps it after the parent has closed its own. TryLock returns
// ErrLocked if another process holds the lock.
func TryLock(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, nil
	}
	_ = file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// Unlock unlocks the file and closes it, even if a child has it open, too: a process
// that is being started shares all open files of its parent for a moment.
func Unlock(file *os.File) error {
	return errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
}

// Lock is TryLock that waits for the lock until the context ends. Then it returns
// ErrLocked joined with the context's error.
func Lock(ctx context.Context, path string, flag int) (*os.File, error) {
	ticker := time.NewTicker(lockInterval)
	defer ticker.Stop()
	for {
		file, err := TryLock(path, flag)
		if !errors.Is(err, ErrLocked) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-ticker.C:
		}
	}
}

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
