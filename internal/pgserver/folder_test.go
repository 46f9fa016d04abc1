package pgserver

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStart_OtherVersion(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, versionFile), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), config(dir))
	var version *VersionError
	if !errors.As(err, &version) || version.Version != "9" {
		t.Fatalf("got %v, want a *VersionError", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has changed: %v %v", entries, err)
	}
}

func TestStart_ForeignFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), config(dir)); err == nil {
		t.Fatal("a data folder was created among other files")
	}
}

func TestStart_InitdbInterrupted(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.Mkdir(dir+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir+".new", versionFile), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	execute(t, start(t, config(dir)).URL("postgres"), "select 1")
}

func TestStart_PathTooLong(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("long", 25))
	if _, err := Start(t.Context(), config(dir)); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("got %v, want an error with the remedy", err)
	}
}

// For root, as below its home, the server runs as a user that may not enter the parent.
func TestStart_PrivateParent(t *testing.T) {
	t.Parallel()
	private := folder(t)
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(private, "postgres")
	s := start(t, config(dir))
	execute(t, s.URL("postgres"), "create table kept (n int)")
	execute(t, s.URL("postgres"), "checkpoint")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	execute(t, start(t, config(dir)).URL("postgres"), "insert into kept values (1)")
}

func TestAccount_CheckAccess(t *testing.T) {
	t.Parallel()
	base := filepath.Dir(folder(t))
	stranger := account{name: "stranger", switched: true, uid: os.Geteuid() + 4711, gid: os.Getegid() + 4711}
	if err := stranger.checkAccess(base); err != nil {
		t.Errorf("an accessible folder: %v", err)
	}
	private := filepath.Join(base, "private")
	inside := filepath.Join(private, "inside")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := stranger.checkAccess(inside); err == nil || !strings.Contains(err.Error(), private) {
		t.Errorf("got %v, want an error that names %s", err, private)
	}
}

func TestFind_NotFound(t *testing.T) {
	t.Parallel()
	_, err := find(account{}, []string{t.TempDir()})
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
	for _, remedy := range []string{"apt-get install postgresql", "VT_DATABASE_URL"} {
		if !strings.Contains(err.Error(), remedy) {
			t.Errorf("the error does not name %q", remedy)
		}
	}
}

// Not parallel: a fork in another test could hold a script open for writing, which
// then cannot be executed.
func TestFind_NewestFirst(t *testing.T) {
	var dirs []string
	for _, version := range []string{"14.2", "16.1", "15.3", "17beta1", "18.0 (Debian)"} {
		dir := t.TempDir()
		for _, name := range []string{"postgres", "initdb"} {
			script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
			if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		dirs = append(dirs, dir)
	}
	found, err := find(account{}, dirs)
	if err != nil {
		t.Fatal(err)
	}
	var versions []int
	for _, b := range found {
		versions = append(versions, b.version)
	}
	if want := []int{18, 17, 16, 15}; !slices.Equal(versions, want) {
		t.Errorf("found %v, want %v", versions, want)
	}
}
