package process

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	// rotateEvery is how often a log is looked at.
	rotateEvery = 10 * time.Second
	// fullLog is the size from which a log is put aside.
	fullLog = 16 << 20
)

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
			_ = rotate(path)
		}
	}
}

// rotating is held by the one who puts a log aside: the next would copy what the
// first has emptied.
var rotating sync.Mutex

// rotate copies the file to <path>.1 and empties it, if it is there and full.
func rotate(path string) error {
	rotating.Lock()
	defer rotating.Unlock()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Size() < fullLog {
		return err
	}
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
	} else {
		err = errors.Join(err, os.Remove(aside.Name())) // it would have the last of a full disk
	}
	return errors.Join(err, full.Close())
}
