package pgserver

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStart_OtherVersionIsRefusedAndLeftAlone(t *testing.T) {
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
		t.Errorf("the folder was touched: %v %v", entries, err)
	}
}

func TestStart_ForeignFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), config(dir)); err == nil {
		t.Fatal("a data folder was made among other files")
	}
}

func TestStart_AfterInitdbWasCutOff(t *testing.T) {
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

func TestStart_PathTooLongForASocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("long", 25))
	if _, err := Start(t.Context(), config(dir)); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

// As root would have it below its home. Others run the server themselves, and
// enter their own folder.
func TestStart_BelowAFolderThatItsUserMayNotEnter(t *testing.T) {
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

func TestAccount_MayEnter(t *testing.T) {
	t.Parallel()
	base := filepath.Dir(folder(t))
	stranger := account{name: "stranger", switched: true, uid: os.Geteuid() + 4711, gid: os.Getegid() + 4711}
	if err := stranger.mayEnter(base); err != nil {
		t.Errorf("a folder that may be entered: %v", err)
	}
	private := filepath.Join(base, "private")
	inside := filepath.Join(private, "inside")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := stranger.mayEnter(inside); err == nil || !strings.Contains(err.Error(), private) {
		t.Errorf("got %v, want an error that names %s", err, private)
	}
}

func TestFind_NothingNamesBothWaysOut(t *testing.T) {
	t.Parallel()
	_, err := find(account{}, []string{t.TempDir()})
	var missing *NotFoundError
	if !errors.As(err, &missing) {
		t.Fatalf("got %v, want a *NotFoundError", err)
	}
	for _, way := range []string{"apt-get install postgresql", "VT_DATABASE_URL"} {
		if !strings.Contains(err.Error(), way) {
			t.Errorf("the error does not name %q", way)
		}
	}
}

// It is not parallel: a fork elsewhere could hold a script open for writing,
// which then cannot be run.
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
	want := []int{18, 17, 16, 15}
	if len(versions) != len(want) {
		t.Fatalf("found %v, want %v", versions, want)
	}
	for i := range want {
		if versions[i] != want[i] {
			t.Fatalf("found %v, want %v", versions, want)
		}
	}
}
