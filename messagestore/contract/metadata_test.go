package contract_test

import (
	"reflect"
	"testing"

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
	// Positions of the original carry none; other doors add keys of their own.
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
