package supervisor

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// rotateEvery is how often a log is looked at.
const rotateEvery = 10 * time.Second

// Rotate puts the log aside, to <path>.1, whenever it has come to 16 MiB, until the
// context ends. Who writes it has it open to append, and goes on in the same file,
// which is emptied; what is written at that very moment may be lost. A log that
// cannot be put aside stays, and is looked at again.
func Rotate(ctx context.Context, path string) {
	ticker := time.NewTicker(rotateEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if info, err := os.Stat(path); err == nil && info.Size() >= fullLog {
				_ = putAside(path)
			}
		}
	}
}

// putAside copies the file to <path>.1 and empties it.
func putAside(path string) error {
	full, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	aside, err := os.OpenFile(path+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, full.Close())
	}
	_, err = io.Copy(aside, full)
	if err = errors.Join(err, aside.Close()); err == nil {
		err = full.Truncate(0)
	}
	return errors.Join(err, full.Close())
}
