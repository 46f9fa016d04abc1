package contract_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"videotutorials/messagestore/contract"
)

func TestMetadata(t *testing.T) {
	user := "u"
	for _, test := range []struct {
		name     string
		metadata contract.Metadata
		want     string
	}{
		{"Anonymous", contract.Metadata{TraceID: "t"}, `{"traceId":"t","userId":null}`},
		{"User", contract.Metadata{TraceID: "t", UserID: &user}, `{"traceId":"t","userId":"u"}`},
		{
			"Caused", contract.Metadata{
				TraceID: "t", UserID: &user, CausationMessageID: "m", CausationGlobalPosition: 9007199254740993,
				CausationStreamName: "identity-1", TraceParent: "00-1-2-01", OriginStreamName: "identity-2", CorrelationStreamName: "identity-3",
			},
			`{"traceId":"t","userId":"u","causationMessageId":"m","causationGlobalPosition":9007199254740993,` +
				`"causationStreamName":"identity-1","traceparent":"00-1-2-01","originStreamName":"identity-2","correlationStreamName":"identity-3"}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.metadata.String(); got != test.want {
				t.Errorf("String() = %s, want %s", got, test.want)
			}
			if got, err := contract.ParseMetadata(test.want); err != nil || !reflect.DeepEqual(got, test.metadata) {
				t.Errorf("ParseMetadata = %+v, %v, want %+v", got, err, test.metadata)
			}
		})
	}
}

func TestParseMetadata(t *testing.T) {
	// Positions written by the original system have no metadata; clients of other systems add other keys.
	for _, text := range []string{`{}`, `null`, `{"$correlationId": 1, "later": []}`} {
		if got, err := contract.ParseMetadata(text); err != nil || got != (contract.Metadata{}) {
			t.Errorf("ParseMetadata(%s) = %+v, %v, want the zero value", text, got, err)
		}
	}
	for _, text := range []string{``, `[]`, `{"traceId": 1}`, `{"causationGlobalPosition": 1.5}`} {
		if _, err := contract.ParseMetadata(text); err == nil {
			t.Errorf("ParseMetadata(%s) = nil, want an error", text)
		}
	}
}

// TestNewID makes ids faster than the clock ticks: each grows.
func TestNewID(t *testing.T) {
	t.Parallel()
	last := ""
	for range 10_000 {
		id := contract.NewID()
		if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id || parsed.Version() != 7 {
			t.Fatalf("%q is not a canonical UUID of version 7: %v", id, err)
		}
		if id <= last {
			t.Fatalf("%s came after %s", id, last)
		}
		last = id
	}
}

func TestParseUUID(t *testing.T) {
	t.Parallel()
	const canonical = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	for text, want := range map[string]struct{ parsed, canonical bool }{
		canonical:                           {true, true},
		strings.ToUpper(canonical):          {true, false},
		"{" + canonical + "}":               {false, false},
		"urn:uuid:" + canonical:             {false, false},
		"5f0c1d5e8a514e4e9a250c5f3f6f1a2b":  {false, false},
		"":                                  {false, false},
		"undefined":                         {false, false},
		strings.Repeat("x", len(canonical)): {false, false},
	} {
		id, ok := contract.ParseUUID(text)
		if ok != want.parsed || ok && id.String() != canonical || contract.IsUUID(text) != want.canonical {
			t.Errorf("%q: %v, %v, canonical: %v", text, id, ok, contract.IsUUID(text))
		}
	}
}
