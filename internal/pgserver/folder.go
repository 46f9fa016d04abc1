package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"videotutorials/internal/file"
)

// versionFile is the file in a data folder that has its major version.
const versionFile = "PG_VERSION"

// defaults are appended to a new postgresql.conf, which the operator may edit.
const defaults = `
# Video Tutorials
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
`

// prepare creates the data folder if it is missing, and chooses the binaries for it.
func (l *launcher) prepare(ctx context.Context) error {
	installed, err := find(l.account, folders())
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
	i := slices.IndexFunc(installed, func(b binaries) bool { return strconv.Itoa(b.version) == version })
	if i < 0 {
		return &VersionError{Dir: l.Dir, Version: version, Installed: installed[0].version}
	}
	l.bin = installed[i]
	return nil
}

// create creates the data folder under another name and renames it when it is complete,
// so that a crash leaves no incomplete data folder.
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
	l.Log.Info("creating the data folder", "version", l.bin.version, "folder", l.Dir)
	if err := l.initialise(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, l.Dir); err != nil {
		return err
	}
	return file.SyncDir(filepath.Dir(l.Dir))
}

// discard removes the folder of an interrupted initdb, after its last process has
// ended.
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
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if l.account.switched {
		if err := os.Chown(dir, l.account.uid, l.account.gid); err != nil {
			return err
		}
	}
	held, err := file.TryLock(dir, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer held.Close() //nolint:errcheck // read-only
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
	settings, err := os.OpenFile(filepath.Join(dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = settings.WriteString(defaults)
	if err == nil && l.Durable {
		err = settings.Sync()
	}
	return errors.Join(err, settings.Close())
}
