package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"videotutorials/internal/file"
)

// versionFile is in each data folder and has its major version.
const versionFile = "PG_VERSION"

// defaults are written into a new postgresql.conf, where the operator may change
// them.
const defaults = `
# Video Tutorials
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
`

// prepare makes the data folder, or finds that it is there, and chooses the
// binaries for it.
func (l *launcher) prepare(ctx context.Context) error {
	installed, err := find(l.user, folders())
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(l.Dir, versionFile))
	if errors.Is(err, fs.ErrNotExist) {
		l.bin = installed[0]
		return l.create(ctx)
	}
	if err != nil {
		return err
	}
	version := strings.TrimSpace(string(text))
	for _, b := range installed {
		if strconv.Itoa(b.version) == version {
			l.bin = b
			return nil
		}
	}
	return &VersionError{Dir: l.Dir, Version: version, Installed: installed[0].version}
}

// create makes the data folder beside its place and moves it there when it is
// whole, so that a crash leaves none that is half made.
func (l *launcher) create(ctx context.Context) error {
	entries, err := os.ReadDir(l.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is neither empty nor a data folder of Postgres", l.Dir)
	}
	fresh := l.Dir + ".new"
	if err := discard(ctx, fresh); err != nil {
		return err
	}
	l.Log.Info("making a data folder", "version", l.bin.version, "folder", l.Dir)
	if err := l.initialise(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, l.Dir); err != nil {
		return err
	}
	return file.SyncDir(filepath.Dir(l.Dir))
}

// discard removes what an initdb that was cut off has left, after its last
// process has gone.
func discard(ctx context.Context, dir string) error {
	held, err := file.Lock(ctx, dir, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(dir), held.Close())
}

func (l *launcher) initialise(dir string) error {
	if err := l.user.own(dir); err != nil {
		return err
	}
	held, err := file.TryLock(dir, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer held.Close() //nolint:errcheck // nothing was written
	args := []string{"-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--data-checksums", "--no-instructions"}
	if !l.Durable {
		args = append(args, "--no-sync")
	}
	process, err := l.start(syscall.SIGKILL, held, l.bin.initdb, args...)
	if err != nil {
		return err
	}
	if err := process.Err(); err != nil {
		return fmt.Errorf("initdb %s: %w%s", dir, err, l.tail())
	}
	return appendTo(filepath.Join(dir, "postgresql.conf"), defaults, l.Durable)
}

func appendTo(path, text string, durable bool) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err == nil && durable {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
