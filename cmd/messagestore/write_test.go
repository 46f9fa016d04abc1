package main

import (
	"strings"
	"testing"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

func testWrite(t *testing.T, s *testStore) {
	const id = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	args := []string{"write", "-id", id, "-expected", "none", "-metadata", `{"traceId":"t"}`, "a-1", "Happened", `{"b": 1}`}
	if got, want := s.mustRun(t, "application", args...).stdout, "a-1 at 0, global position 2, id "+id+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := s.mustRun(t, "application", args...).stdout; !strings.HasSuffix(got, id+", already stored\n") {
		t.Errorf("again: %q", got)
	}
	a := s.run(t, "application", `{"from": "the input"}`, "write", "-json", "-expected", "0", "a-1", "Happened", "-")
	var written messagestorev1.WriteResponse
	decodeJSON(t, a.stdout, &written, "position", "global_position", "already_stored")
	if written.Position != 1 || written.GlobalPosition != 3 || written.AlreadyStored {
		t.Errorf("%s", a.stdout)
	}
	s.mustRun(t, "application", "write", "-expected", "exists", "a-1", "Ended")

	want := []string{`a-1  0  Happened  {"b": 1}`, `a-1  1  Happened  {"from": "the input"}`, "a-1  2  Ended  {}"}
	for i, line := range s.mustRun(t, "operator", "read", "a").lines() {
		if i >= len(want) || !strings.HasSuffix(line, want[i]) {
			t.Errorf("line %d is %q", i, line)
		}
	}
}

func testWriteStdin(t *testing.T, s *testStore) {
	const id = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	input := `{"id": "` + id + `", "type": "Began", "data": {"n": 1e2}, "metadata": "{\"traceId\": \"t\"}"}
		{"type": "Ended", "data": "{\"n\": 2}"}`
	if a := s.run(t, "application", input, "write", "-stdin", "a-1"); !strings.HasPrefix(a.stdout, "a-1 at 1, global position 3, id ") {
		t.Errorf("%+v", a)
	}
	lines := s.mustRun(t, "operator", "read", "-json", "a-1").lines()
	var began, ended messagestorev1.Message
	decodeJSON(t, lines[0], &began)
	decodeJSON(t, lines[1], &ended)
	if began.Id != id || began.Data != `{"n": 100}` || began.Metadata != `{"traceId": "t"}` || ended.Data != `{"n": 2}` || ended.Metadata != "{}" {
		t.Errorf("%q", lines)
	}
	for input, stderr := range map[string]string{
		`{"type": "A", "data": {}}{"type": "B", "date": {}}`: `message 2 of the input: json: unknown field "date"`,
		`{"type": "A"`:                       "message 1 of the input: unexpected EOF",
		`{"type": "A"} {"data": null}`:       "INVALID_ARGUMENT\n  messages[0].data: is required, a JSON object\n  messages[1].type: ",
		strings.Repeat(`{"data": {}}`, 1001): "INVALID_ARGUMENT\n",
	} {
		if a := s.run(t, "application", input, "write", "-stdin", "a-1"); a.code != 1 || !strings.Contains(a.stderr, stderr) {
			t.Errorf("%.60s: exit code %d, stderr %.300q", input, a.code, a.stderr)
		}
	}
}
