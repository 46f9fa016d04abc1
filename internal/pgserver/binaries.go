package pgserver

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// oldest is the first major version that will do: databases are cloned with
// STRATEGY FILE_COPY.
const oldest = 15

// A NotFoundError is returned where no Postgres is found.
type NotFoundError struct {
	// Looked are the folders that were looked into.
	Looked []string
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no Postgres %d or newer on PATH, in /usr/lib/postgresql, /usr/pgsql-* or Homebrew's folders: "+
		"either install one (Debian: apt-get install postgresql; `sh internal/tools/postgres.sh` does it), "+
		"or set VT_DATABASE_URL to a running one", oldest)
}

// A VersionError is returned for a data folder of a major version that is not
// installed. The folder is left alone.
type VersionError struct {
	Dir string
	// Version is the data folder's.
	Version string
	// Installed is the newest that was found.
	Installed int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has data of Postgres %s, and the newest installed is %d: "+
		"either install Postgres %s, or move the data over with pg_upgrade", e.Dir, e.Version, e.Installed, e.Version)
}

// binaries are the programs of one installed Postgres.
type binaries struct {
	version          int
	postgres, initdb string
}

// folders returns where Postgres may be: on PATH, then in Debian's, Red Hat's and
// Homebrew's folders.
func folders() []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	} {
		// The patterns are good ones, which is the only error.
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	return dirs
}

// find returns what is installed in the folders, the newest first, for the same
// version in the folders' order. What the user may not run does not count.
func find(user account, dirs []string) ([]binaries, error) {
	var all []binaries
	for _, dir := range dirs {
		if b, ok := inspect(dir, user); ok {
			all = append(all, b)
		}
	}
	if len(all) == 0 {
		return nil, &NotFoundError{Looked: dirs}
	}
	slices.SortStableFunc(all, func(a, b binaries) int { return b.version - a.version })
	return all, nil
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func inspect(dir string, user account) (binaries, bool) {
	b := binaries{postgres: filepath.Join(dir, "postgres"), initdb: filepath.Join(dir, "initdb")}
	for _, path := range []string{b.postgres, b.initdb} {
		if _, err := os.Stat(path); err != nil {
			return b, false
		}
	}
	said, err := user.command(b.postgres, "--version").Output()
	if err != nil {
		return b, false
	}
	match := versionText.FindSubmatch(said)
	if match == nil {
		return b, false
	}
	b.version, err = strconv.Atoi(string(match[1]))
	return b, err == nil && b.version >= oldest
}
