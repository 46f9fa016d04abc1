package adminmessages

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		`{"passwordHash": "$2a$10$x"}`:                                        `{"passwordHash":"***"}`,
		`{"passwordHash": null}`:                                              `{"passwordHash":"***"}`,
		`{"passwordHash": {"a": ["$2a$10$x"]}}`:                               `{"passwordHash":"***"}`,
		`{"a": [{"b": {"passwordHash": "$2a$10$x"}}], "n": 1e300}`:            `{"a":[{"b":{"passwordHash":"***"}}],"n":1e300}`,
		`[{"passwordHash": 1}]`:                                               `[{"passwordHash":"***"}]`,
		`{"n": 12345678901234567890.10, "passwordHash": "", "t": "<\u00e9>"}`: `{"n":12345678901234567890.10,"passwordHash":"***","t":"\u003cé\u003e"}`,
		`{"password": "of another kind"}`:                                     `{"password": "of another kind"}`,
		`"passwordHash"`:                                                      `"passwordHash"`,
		`null`:                                                                `null`,
		`{"passwordHash": `:                                                   `"***"`,
	} {
		if got := redact(text); got != want {
			t.Errorf("redact(%s) = %s, want %s", text, got, want)
		}
	}
}

func TestActors(t *testing.T) {
	const id = "00000000-0000-4000-8000-00000000000a"
	for metadata, want := range map[string]string{
		`{"traceId": "` + id + `", "userId": "` + id + `"}`:                  id + " " + id,
		`{"traceId": "` + strings.ToUpper(id) + `", "userId": null}`:         id + " -",
		`{"traceId": {"a": 1}, "userId": "` + id + `"}`:                      "- " + id,
		`{"traceId": "` + strings.Repeat("x", 100_000) + `", "userId": 1e9}`: "- -",
		`{"traceId": "undefined", "userId": "undefined"}`:                    "- -",
		`{}`:          "- -",
		`null`:        "- -",
		`["traceId"]`: "- -",
		`7`:           "- -",
	} {
		trace, user := actors(metadata)
		if got := text(trace) + " " + text(user); got != want {
			t.Errorf("actors(%.80s) = %s, want %s", metadata, got, want)
		}
	}
}

func text(id *uuid.UUID) string {
	if id == nil {
		return "-"
	}
	return id.String()
}
