package main

import (
	"strings"
	"testing"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func testOwner(t *testing.T, s *testStore) {
	s.mustRun(t, "application", "write", "a-1", "Happened")
	s.mustRun(t, "application", "write", "a:command-1", "Happen")
	own := func(category, want string) {
		t.Helper()
		if got := s.mustRun(t, "application", "owner", category).stdout; got != want+"\n" {
			t.Errorf("%s is owned by %q, want %q", category, got, want)
		}
	}
	own("a", string(application))
	own("a:command", "-")
	own("ownership", "spiffe://videotutorials/messagestore")

	if a := s.run(t, "application", "", "owner", "a", string(operator)); a.code != 1 || a.stderr != "messagestore: NOT_OPERATOR: only an operator may\n" {
		t.Errorf("%+v", a)
	}
	got := s.mustRun(t, "operator", "owner", "a", string(operator)).stdout
	if want := "a is owned by " + string(operator) + ", before by " + string(application) + "\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	own("a", string(operator))
	if a := s.run(t, "application", "", "write", "a-1", "Happened"); a.code != 1 || !strings.Contains(a.stderr, "NOT_OWNER") {
		t.Errorf("the previous owner still writes: %+v", a)
	}

	// The owner of a category without messages comes from its claims.
	var transfer messagestorev1.TransferOwnershipResponse
	decodeJSON(t, s.mustRun(t, "operator", "owner", "-json", "b", string(application)).stdout, &transfer, "from")
	if transfer.From != "" {
		t.Errorf("from %s", transfer.From)
	}
	own("b", string(application))
	var category messagestorev1.Category
	decodeJSON(t, s.mustRun(t, "operator", "owner", "-json", "b").stdout, &category, "name", "owner", "streams", "messages")
	if category.Name != "b" || category.Owner != string(application) || category.Messages != 0 {
		t.Errorf("%v", &category)
	}
}
