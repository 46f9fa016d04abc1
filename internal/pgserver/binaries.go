package pgserver

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// minVersion is the first major version with STRATEGY FILE_COPY, by which databases are
// cloned.
const minVersion = 15

// ErrNotFound is returned if no suitable Postgres is installed.
var ErrNotFound = fmt.Errorf("no Postgres %d or newer on PATH, in /usr/lib/postgresql, /usr/pgsql-* or Homebrew's folders: "+
	"either install one (Debian: apt-get install postgresql; `sh internal/tools/postgres.sh` does it), "+
	"or set VT_DATABASE_URL to a running one", minVersion)

// A VersionError is returned for a data folder of a major version that is not
// installed. The folder is not changed.
type VersionError struct {
	Dir string
	// Version is that of the data folder.
	Version string
	// Installed is the newest installed version.
	Installed int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has data of Postgres %s, and the newest installed is %d: "+
		"either install Postgres %s, or move the data over with pg_upgrade", e.Dir, e.Version, e.Installed, e.Version)
}

// binaries are the programs of an installed Postgres.
type binaries struct {
	version          int
	postgres, initdb string
}

// folders returns the folders to search: those on PATH, then Debian's, Red Hat's and
// Homebrew's.
func folders() []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	} {
		found, _ := filepath.Glob(pattern) // the patterns are valid
		dirs = append(dirs, found...)
	}
	return dirs
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// find returns the installations in the folders that the user may run: the newest
// first, and equal versions in the order of the folders.
func find(a account, dirs []string) ([]binaries, error) {
	var all []binaries
	for _, dir := range dirs {
		b := binaries{postgres: filepath.Join(dir, "postgres"), initdb: filepath.Join(dir, "initdb")}
		if _, err := os.Stat(b.initdb); err != nil {
			continue
		}
		output, err := a.command(b.postgres, "--version").Output()
		match := versionText.FindSubmatch(output)
		if err != nil || match == nil {
			continue
		}
		if b.version, err = strconv.Atoi(string(match[1])); err == nil && b.version >= minVersion {
			all = append(all, b)
		}
	}
	if len(all) == 0 {
		return nil, ErrNotFound
	}
	slices.SortStableFunc(all, func(x, y binaries) int { return y.version - x.version })
	return all, nil
}
