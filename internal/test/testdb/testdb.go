// Package testdb gives each test a database of its own on a real Postgres, which runs
// for one test binary, in memory and without fsync. Tests fail without Postgres.
package testdb

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// cleanup bounds the clean-up after a test, whose own context has ended.
const cleanup = 30 * time.Second

// shared is the cluster of this test binary.
var shared cluster

// Main runs the tests, stops the cluster if one was started, and exits with 1 if a
// test failed or goroutines are leaked. It is the body of a TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the test cluster:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// New creates a database for the test and returns its URL as superuser. The database
// is dropped when the test ends. It is a copy of a template, which migrate creates at
// the first call with that name; the same name MUST come with the same migrate. New
// may be called in parallel.
func New(t testing.TB, template string, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	name, err := shared.clone(t.Context(), template, migrate)
	if err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanup)
		defer cancel()
		if err := shared.drop(ctx, name); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return shared.server.URL(name)
}

// Folder returns an empty folder on disk with a path short enough for the socket of a
// Postgres. It is removed when the test ends.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := openFolder(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
