// Package testdb gives each test a database of its own, on a real Postgres that
// runs for the one test binary, in memory and without fsync. Where there is no
// Postgres, tests fail.
package testdb

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// cleanup bounds what is done after a test, when its own context has ended.
const cleanup = 30 * time.Second

// shared is the cluster of this test binary: each package is a process of its
// own, and its tests have nothing else in common.
var shared cluster

// Main runs the tests, ends the cluster if one was started, and exits: 1 if a
// test failed, or if goroutines are left. It is the whole of a TestMain.
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

// New returns the superuser's URL of a database that is the test's own and is
// dropped when it ends. It is a copy of a template, which is made at the first
// call with that name in the test binary, by migrate; the same name MUST come
// with the same migrate. Tests may call it in parallel.
func New(t testing.TB, template string, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	name, err := shared.clone(t.Context(), template, migrate)
	if err != nil {
		t.Fatalf("make a test database: %v", err)
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

// Folder returns an empty folder on disk with a short path, as the socket of a
// test's own, durable server needs. It is removed when the test ends.
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
