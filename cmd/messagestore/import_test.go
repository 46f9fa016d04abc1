package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// exported returns all messages without the fields that an import changes (global
// position, time and writer), and without claims and consumers' positions.
func (s *testStore) exported(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, line := range s.mustRun(t, "operator", "read", "-json", "$all").lines() {
		var m messagestorev1.Message
		decodeJSON(t, line, &m)
		if !strings.HasPrefix(m.StreamName, "ownership-") && !strings.HasPrefix(m.StreamName, "subscriberPosition-") {
			all = append(all, fmt.Sprintf("%s %s %d %s %s %s", m.Id, m.StreamName, m.Position, m.Type, m.Data, m.Metadata))
		}
	}
	return all
}

// testImport imports a log into another store: whole, again, and after it has grown,
// with other batches.
func testImport(t *testing.T, from *testStore) {
	to := startTestStore(t, from.binary)
	var input strings.Builder
	for n := range 700 {
		fmt.Fprintf(&input, `{"type": "Happened", "data": {"n": %d, "text": "\"ü\\"}, "metadata": {"traceId": "t"}}`+"\n", n)
	}
	if a := from.run(t, "application", input.String(), "write", "-stdin", "a-1"); a.code != 0 {
		t.Fatal(a.stderr)
	}
	from.mustRun(t, "operator", "write", "b-1", "Happened", `{"big": "`+strings.Repeat("x", 90_000)+`"}`)
	from.mustRun(t, "application", "write", "a-2", "Happened")
	// The other log does not have this place.
	from.mustRun(t, "operator", "write", "subscriberPosition-x", "Read", `{"position": 700}`)

	move := func(want string) {
		t.Helper()
		a := to.run(t, "operator", from.mustRun(t, "operator", "read", "-json", "$all").stdout, "import")
		if a.code != 0 || a.stdout != want+"\n" {
			t.Errorf("%+v, want %q", a, want)
		}
	}
	move("imported 702 messages; 0 were already stored, 2 claims and 1 positions left out")
	move("imported 0 messages; 702 were already stored, 2 claims and 1 positions left out")
	from.mustRun(t, "application", "write", "a-2", "Happened")
	from.mustRun(t, "application", "write", "c:command-1", "Happen")
	move("imported 2 messages; 702 were already stored, 2 claims and 1 positions left out")
	move("imported 0 messages; 704 were already stored, 2 claims and 1 positions left out")
	if want, got := from.exported(t), to.exported(t); !slices.Equal(got, want) {
		t.Errorf("the %d exported messages differ from the %d imported ones", len(want), len(got))
	}
	if got := to.mustRun(t, "operator", "owner", "a").stdout; got != string(operator)+"\n" {
		t.Errorf("a is owned by %s", got)
	}
}

// testImportInvalid tests invalid input. Earlier batches stay imported.
func testImportInvalid(t *testing.T, s *testStore) {
	const id, other = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b", "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2c"
	message := func(id, stream, data string) string {
		return fmt.Sprintf(`{"id": %q, "stream_name": %q, "type": "Happened", "data": %q}`+"\n", id, stream, data)
	}
	s.mustRun(t, "application", "write", "-id", id, "a-1", "Happened", `{"n": 1}`)
	for _, test := range []struct{ input, stderr string }{
		{message(other, "a-1", "{}"), "NOT_OWNER: lines 1 to 1: category a is owned by " + string(application) + "\n"},
		{message(other, "b-1", "{}") + message(id, "a-1", `{"n": 2}`), "ID_CONFLICT: lines 1 to 2: message " + id + " is stored in a-1"},
		{message(other, "b", "[]") + "\n", "line 2 is not a message as `read -json` prints it: "},
		{message(other, "ownership-b", "{}") + message(other, "b", "[]"), "INVALID_ARGUMENT: lines 2 to 2\n  writes[0].stream_name: "},
		{strings.Repeat("x", maxLine+1), "line 1: bufio.Scanner: token too long\n"},
	} {
		if a := s.run(t, "operator", test.input, "import"); a.code != 1 || !strings.Contains(a.stderr, "messagestore: "+test.stderr) {
			t.Errorf("%.80q: exit code %d, stderr %q, want %q", test.input, a.code, a.stderr, test.stderr)
		}
	}
	if got := s.mustRun(t, "operator", "read", "-json", "$all").lines(); len(got) != 2 {
		t.Errorf("%d messages, want the first and its claim", len(got))
	}
	a := s.run(t, "application", message(id, "a-1", `{"n": 1}`)+message(other, "a-1", "{}"), "import", "-json")
	if want := `{"imported":1,"already_stored":1,"claims_left_out":0,"positions_left_out":0}` + "\n"; a.stdout != want {
		t.Errorf("%+v, want %q", a, want)
	}
}
