// Package lock locks files between processes. A lock ends with the process that
// holds it, however that one ends, so nothing is left to clean up.
package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrLocked is returned where another holds the lock.
var ErrLocked = errors.New("locked by another process")

// retry is how often Wait looks: whoever waits for a process to end waits some
// hundred milliseconds at most.
const retry = 5 * time.Millisecond

// Try locks the file or folder and returns it open; Release unlocks it, and so
// does closing it. A child that is given the open file holds the lock too, and
// after a parent that has closed it. It returns ErrLocked if another holds the lock.
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

// Release unlocks the file and closes it, also where a child has it: one that is
// being started has all files of its parent for a moment, and the lock with them.
func Unlock(file *os.File) error {
	return errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
}

// Wait is Try that waits until the other lets go, or the context ends.
func Lock(ctx context.Context, path string, flag int) (*os.File, error) {
	ticker := time.NewTicker(retry)
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
