package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"videotutorials/internal/file"
)

// A folder is the data folder: everything that outlives the processes.
type folder string

func (f folder) certs() string           { return filepath.Join(string(f), "certs") }
func (f folder) postgres() string        { return filepath.Join(string(f), "postgres") }
func (f folder) policy() string          { return filepath.Join(string(f), "policy.json") }
func (f folder) media() string           { return filepath.Join(string(f), "media") }
func (f folder) secret() string          { return filepath.Join(string(f), "secret") }
func (f folder) log(name string) string  { return filepath.Join(string(f), "log", name+".log") }
func (f folder) run(file string) string  { return filepath.Join(string(f), "run", file) }
func (f folder) pid(name string) string  { return f.run(name + ".pid") }
func (f folder) cert(file string) string { return filepath.Join(f.certs(), file) }

// lockFile contains the id of the process that holds its lock.
func (f folder) lockFile() string  { return f.pid("videotutorials") }
func (f folder) stateFile() string { return f.run("state.json") }

// dataFolder returns the folder at the path, which defaults to /var/lib/videotutorials
// for root, else to a folder in $XDG_STATE_HOME.
func dataFolder(path string) (folder, error) {
	if path == "" && os.Geteuid() == 0 {
		path = "/var/lib/videotutorials"
	}
	if state := os.Getenv("XDG_STATE_HOME"); path == "" && state != "" {
		path = filepath.Join(state, "videotutorials")
	}
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, ".local", "state", "videotutorials")
	}
	path, err := filepath.Abs(path)
	return folder(path), err
}

// make creates the folders. All users may enter the data folder, since Postgres runs as
// another user when videotutorials runs as root.
func (f folder) make() error {
	if err := os.MkdirAll(string(f), 0o711); err != nil {
		return err
	}
	for _, name := range []string{"log", "run", "mail", "media"} {
		if err := os.MkdirAll(filepath.Join(string(f), name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// makeSecret creates the secret that signs sessions and links, unless it exists. A
// new one would invalidate all of them.
func makeSecret(f folder) error {
	if _, err := os.Stat(f.secret()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return file.Replace(f.secret(), strings.NewReader(rand.Text()+rand.Text()))
}

// replaceJSON replaces the file by the value as JSON.
func replaceJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return file.Replace(path, bytes.NewReader(append(text, '\n')))
}

// A runningError is returned if another videotutorials runs in the folder.
type runningError struct{ pid int }

func (e *runningError) Error() string { return fmt.Sprintf("already running (pid %d)", e.pid) }

// lockTimeout bounds the wait for the lock. It is longer than holder in another process
// needs, which takes the lock briefly.
const lockTimeout = 200 * time.Millisecond

// lock locks the folder until the returned file is closed, and removes the pid and state
// files of a killed process. It returns a *runningError if another process holds the
// lock.
func (f folder) lock(ctx context.Context) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	held, err := file.Lock(ctx, f.lockFile(), os.O_CREATE|os.O_RDWR)
	if errors.Is(err, file.ErrLocked) {
		return nil, &runningError{f.holder()}
	}
	if err != nil {
		return nil, err
	}
	// The files of a killed process contain ids that may belong to other processes now.
	err = errors.Join(os.RemoveAll(f.stateFile()), held.Truncate(0))
	files, readErr := os.ReadDir(f.run(""))
	err = errors.Join(err, readErr)
	for _, entry := range files {
		path := f.run(entry.Name())
		if filepath.Ext(path) == ".pid" && path != f.lockFile() && path != f.pid("mvc") { // mvc alone has its own lock
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	if err == nil {
		_, err = held.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return held, nil
}

// holder returns the id of the process that holds the lock, or 0.
func (f folder) holder() int {
	held, err := file.TryLock(f.lockFile(), os.O_RDONLY)
	if err == nil {
		_ = held.Close()
	}
	if !errors.Is(err, file.ErrLocked) {
		return 0
	}
	return pidIn(f.lockFile())
}

// pidIn returns the number at the beginning of the file, or 0.
func pidIn(path string) (pid int) {
	text, _ := os.ReadFile(path)
	_, _ = fmt.Sscan(string(text), &pid)
	return pid
}
