package main

import (
	"fmt"
	"strings"
	"testing"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// testLists lists several pages of streams and categories.
func testLists(t *testing.T, s *testStore) {
	var lines strings.Builder
	for n := range pageSize + 2 {
		fmt.Fprintf(&lines, `{"id": "5f0c1d5e-8a51-4e4e-9a25-%012d", "stream_name": "c%04d-1", "type": "Happened", "data": "{}"}`+"\n", n, n)
	}
	if a := s.run(t, "application", lines.String(), "import"); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	s.mustRun(t, "application", "write", "c0000-2", "Happened")
	s.mustRun(t, "application", "write", "c0000-2", "Happened")
	s.mustRun(t, "application", "write", "x:command-1", "Happen")

	all := s.mustRun(t, "operator", "streams").lines()
	// Each category except the one of commands has a stream of claims.
	if want := 2*(pageSize+2) + 2; len(all) != want {
		t.Errorf("%d streams, want %d", len(all), want)
	}
	if of := s.mustRun(t, "operator", "streams", "c0000").lines(); len(of) != 2 || !strings.HasPrefix(of[1], "       2  20") || !strings.HasSuffix(of[1], "Z  c0000-2") {
		t.Errorf("%q", of)
	}
	var stream messagestorev1.Stream
	decodeJSON(t, s.mustRun(t, "operator", "streams", "-json", "x:command").stdout, &stream, "name", "messages", "last_position", "last_time")
	if stream.Name != "x:command-1" || stream.Messages != 1 {
		t.Errorf("%v", &stream)
	}

	categories := s.mustRun(t, "operator", "categories").lines()
	if want := pageSize + 2 + 2; len(categories) != want { // with ownership and x:command
		t.Errorf("%d categories, want %d", len(categories), want)
	}
	if want := "       2        3  c0000  " + string(application); categories[0] != want {
		t.Errorf("%q, want %q", categories[0], want)
	}
	if last := categories[len(categories)-1]; last != "       1        1  x:command  -" {
		t.Errorf("%q", last)
	}
	var category messagestorev1.Category
	decodeJSON(t, s.mustRun(t, "operator", "categories", "-json").lines()[0], &category, "name", "owner", "streams", "messages")
	if category.Name != "c0000" || category.Owner != string(application) || category.Streams != 2 || category.Messages != 3 {
		t.Errorf("%v", &category)
	}
}
