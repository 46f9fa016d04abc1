package certificate

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestOpenAuthority_Existing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "certs")
	first, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !first.pair.Leaf.Equal(again.pair.Leaf) {
		t.Error("the second call created another authority")
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "ca.key"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
	}
}

func TestAuthority_Issue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		before func(t *testing.T, a *Authority)
		kept   bool
	}{
		{name: "Good", kept: true, before: func(*testing.T, *Authority) {}},
		{name: "NearExpiry", before: func(t *testing.T, a *Authority) { issue(t, a, application, renewal-time.Hour) }},
		{name: "OtherPrincipal", before: func(t *testing.T, a *Authority) { issue(t, a, storeID, life) }},
		{name: "OtherAuthority", before: func(t *testing.T, a *Authority) {
			var err error
			if a.pair, err = createAuthority(a.dir); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "KeyMismatch", before: func(t *testing.T, a *Authority) {
			issue(t, a, application, life)
			if err := os.Rename(filepath.Join(a.dir, "ca.key"), filepath.Join(a.dir, "one.key")); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, err := OpenAuthority(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			issue(t, a, application, life)
			test.before(t, a)
			before := readOne(t, a)
			if err := a.Issue("one", application); err != nil {
				t.Fatal(err)
			}
			if kept := before == readOne(t, a); kept != test.kept {
				t.Errorf("kept is %v, want %v", kept, test.kept)
			}
			pair, err := load(a.dir, "one")
			if err != nil {
				t.Fatal(err)
			}
			if uris := pair.Leaf.URIs; uris[0].String() != application {
				t.Errorf("the URIs are %v, want %s", uris, application)
			}
		})
	}
}

// issue replaces the certificate.
func issue(t *testing.T, a *Authority, principal string, life time.Duration) {
	t.Helper()
	_ = os.Remove(filepath.Join(a.dir, "one.crt"))
	if err := a.issue("one", principal, time.Now(), life); err != nil {
		t.Fatal(err)
	}
}

func readOne(t *testing.T, a *Authority) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(a.dir, "one.crt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
