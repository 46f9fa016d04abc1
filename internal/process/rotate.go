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
	// rotateInterval is the time between two checks of a log's size.
	rotateInterval = 10 * time.Second
	// fullLog is the size in bytes from which a log is rotated.
	fullLog = 16 << 20
)

// Rotate moves the content of the log to <path>.1 whenever it has reached 16 MiB,
// until the context ends. The file is copied and truncated, so that its writer,
// which MUST append, keeps it open; what is written in between may be lost. After an
// error the log stays as it is until the next check.
func Rotate(ctx context.Context, path string) {
	ticker := time.NewTicker(rotateInterval)
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

// rotating is held during a rotation: a concurrent one would copy the truncated
// file over the first one's copy.
var rotating sync.Mutex

// rotate copies the file to <path>.1 and truncates it, if it exists and is full.
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
		err = errors.Join(err, os.Remove(aside.Name())) // the disk may be full
	}
	return errors.Join(err, full.Close())
}
