package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"videotutorials/internal/test/running"
)

// A changed policy takes effect without a restart, an invalid one is ignored.
func TestPolicyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "policy.json")
	set := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set(`{"owners": {"a": "first"}}`)
	p, err := openPolicy(file, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !p.now().IsOperator(operator) || p.now().Pinned("a") != "first" {
		t.Errorf("%+v", p.now())
	}
	stop := running.Start(t, p.run)
	set(`{"owners": {"a": "second"}, "operators": []}`)
	running.Until(t, "the owner in the changed file", func() bool { return p.now().Pinned("a") == "second" })
	if p.now().IsOperator(operator) {
		t.Error("the policy has no operators, but the default one is still an operator")
	}
	stop()
	set(`{"owners": {"a": "third"}`) // torn
	if _, err := p.read(); err == nil || p.now().Pinned("a") != "second" {
		t.Errorf("%v, and a is pinned to %s", err, p.now().Pinned("a"))
	}
}

func TestPolicyFile_Wrong(t *testing.T) {
	t.Parallel()
	if _, err := openPolicy(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error for a missing policy")
	}
	none, err := openPolicy("", slog.New(slog.DiscardHandler))
	if err != nil || !none.now().IsOperator(operator) || none.now().Pinned("a") != "" || !none.now().MayReadAll("anybody") {
		t.Errorf("%+v %v", none.now(), err)
	}
}
