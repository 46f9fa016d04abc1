package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"videotutorials/internal/file"
)

// A folder is the data folder, with all that must outlive the processes.
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

// lockFile has the id of the process that holds it locked.
func (f folder) lockFile() string { return f.pid("videotutorials") }

// at returns the folder at the path or, without one, where data of its kind is
// kept on this machine.
func at(path string) (folder, error) {
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

// make makes the folders. The upper one lets pass the user who runs Postgres for
// root.
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

// makeSecret makes what signs sessions and links, unless it is there: with another
// one all of them would end.
func makeSecret(f folder) error {
	if _, err := os.Stat(f.secret()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return file.Replace(f.secret(), strings.NewReader(rand.Text()+rand.Text()))
}

// A runningError is returned where another videotutorials has the folder.
type runningError struct{ pid int }

func (e *runningError) Error() string { return fmt.Sprintf("already running (pid %d)", e.pid) }

// probe is how long another may hold the lock that only looks whether anybody
// holds it.
const probe = 200 * time.Millisecond

// lock makes this process the one that runs the folder, until the returned file
// is closed. It returns a *runningError if there is another.
func (f folder) lock(ctx context.Context) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, probe)
	defer cancel()
	held, err := file.Lock(ctx, f.lockFile(), os.O_CREATE|os.O_RDWR)
	if errors.Is(err, file.ErrLocked) {
		return nil, &runningError{f.holder()}
	}
	if err != nil {
		return nil, err
	}
	// What was written by one that was killed is not about this one: its processes'
	// ids are others' by now.
	err = errors.Join(os.RemoveAll(f.stateFile()), held.Truncate(0))
	for _, p := range parts {
		err = errors.Join(err, os.RemoveAll(f.pid(p.name)))
	}
	if err == nil {
		_, err = held.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return held, nil
}

// holder returns the id of the process that runs the folder, or 0.
func (f folder) holder() int {
	held, err := file.TryLock(f.lockFile(), os.O_RDONLY)
	if err == nil {
		_ = held.Close()
	}
	if !errors.Is(err, file.ErrLocked) {
		return 0
	}
	text, err := os.ReadFile(f.lockFile())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
