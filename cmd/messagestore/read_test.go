package main

import (
	"fmt"
	"strings"
	"testing"

	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// testRead reads each source, narrowed in each way.
func testRead(t *testing.T, s *testStore) {
	for _, args := range [][]string{ // the claims of a and b are at 1 and 4
		{"a-1", "Happened"}, {"a-2", "Ended"}, {"b-1", "Happened"}, {"a-1", "Ended"},
		{"c:command-1", "Happen", "{}"},
	} {
		s.mustRun(t, "application", append([]string{"write", "-metadata", `{"originStreamName": "x-` + args[0] + `", "correlationStreamName": "y-1"}`}, args...)...)
	}
	for _, test := range []struct {
		want string // the global positions
		args []string
	}{
		{"2 6", []string{"a-1"}},
		{"", []string{"a-9"}},
		{"2 3 6", []string{"a"}},
		{"2 3 5 6", []string{"a,b"}},
		{"1 2 3 4 5 6 7", []string{"$all"}},
		{"7", []string{"c:command"}},
		{"6", []string{"-from", "1", "a-1"}},
		{"7 6", []string{"-backward", "-limit", "2", "$all"}},
		{"4 3", []string{"-backward", "-from", "4", "-limit", "2", "$all"}},
		{"3 6", []string{"-types", "Ended,Began", "$all"}},
		{"2 3 5 6 7", []string{"-origin", "x", "-correlation", "y", "$all"}},
		{"", []string{"-origin", "y", "$all"}},
		{"2 3 6", []string{"-group", "0/1", "a"}},
	} {
		a := s.mustRun(t, "operator", append([]string{"read"}, test.args...)...)
		var got []string
		for line := range strings.Lines(a.stdout) {
			got = append(got, strings.Fields(line)[0])
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%v: %v, want %s", test.args, got, test.want)
		}
	}
	members := 0
	for member := range 3 {
		members += strings.Count(s.mustRun(t, "operator", "read", "-group", fmt.Sprintf("%d/3", member), "a,b").stdout, "\n")
	}
	if members != 4 {
		t.Errorf("three members read %d messages, want each of 4 once", members)
	}

	var m messagestorev1.Message
	decodeJSON(t, s.mustRun(t, "operator", "read", "-json", "-limit", "1", "a-1").stdout, &m,
		"id", "stream_name", "type", "data", "metadata", "position", "global_position", "time", "writer")
	if m.StreamName != "a-1" || m.GlobalPosition != 2 || m.Writer != string(application) || !m.Time.IsValid() {
		t.Errorf("%v", &m)
	}
}
