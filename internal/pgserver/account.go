package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// An account is the user who runs the server. Postgres refuses root, so where
// root is the caller it is another.
type account struct {
	name     string
	uid, gid int
	switched bool
}

// serverUser returns who runs the server: the caller, or for root the user
// postgres, else nobody.
func serverUser() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	found, err := user.Lookup("postgres")
	if err != nil {
		found, err = user.Lookup("nobody")
	}
	if err != nil {
		return account{}, fmt.Errorf("postgres does not run as root, and there is no other user for it: %w", err)
	}
	uid, uidErr := strconv.Atoi(found.Uid)
	gid, gidErr := strconv.Atoi(found.Gid)
	a := account{name: found.Username, uid: uid, gid: gid, switched: true}
	return a, errors.Join(uidErr, gidErr)
}

// mayEnter returns an error that names the folder into which the user may not
// pass, of this one and those above it: Postgres would only say "permission
// denied".
func (a account) mayEnter(dir string) error {
	if !a.switched {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		bit := fs.FileMode(0o001)
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			switch {
			case int(stat.Uid) == a.uid:
				bit = 0o100
			case int(stat.Gid) == a.gid:
				bit = 0o010
			}
		}
		if info.Mode()&bit == 0 {
			return fmt.Errorf("user %s, who runs Postgres for root, may not enter %s: choose another data folder", a.name, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// memory lets a backend keep up to 16 MiB from one statement to the next. By
// default glibc gives all above 128 KiB back to the kernel, which then has to clear
// each page again: a third of what a statement with a hundred messages takes.
var memory = []string{"MALLOC_TRIM_THRESHOLD_=16777216", "MALLOC_MMAP_THRESHOLD_=16777216", "MALLOC_TOP_PAD_=1048576"}

// command returns a command that runs as the user, without the caller's
// settings for Postgres in its environment.
func (a account) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...) //nolint:noctx // the server outlives the context of Start
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}, memory...)
	if a.switched {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
	}
	return cmd
}

// own makes the folder, if need be, and gives it to the user alone.
func (a account) own(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if a.switched {
		return os.Chown(dir, a.uid, a.gid)
	}
	return nil
}
