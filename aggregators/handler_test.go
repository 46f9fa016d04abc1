package aggregators

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

func statementOf[M proto.Message](M, messagestore.Message) Statement {
	return Statement{SQL: "select 1"}
}

// TestOn_Undecodable asserts that messages that anybody may have written are skipped,
// and that an owner's event is an error, without which the view would be wrong.
func TestOn_Undecodable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler       Handler
		stream        messagestore.Stream
		data          string
		skipped, fail bool
	}{
		"Command":           {On(statementOf[*videopublishingv1.PublishVideo]), "videoPublishing:command-1", `{"videoId": 1}`, true, false},
		"Position":          {On(statementOf[*subscriberpositionv1.Read]), "subscriberPosition-x", `{"position": "soon"}`, true, false},
		"Event":             {On(statementOf[*viewingv1.VideoViewed]), "viewing-1", `{"videoId": 1}`, false, true},
		"Null":              {On(statementOf[*viewingv1.VideoViewed]), "viewing-1", `null`, true, false},
		"NoObject":          {On(statementOf[*viewingv1.VideoViewed]), "viewing-1", `[]`, true, false},
		"DecodableEvent":    {On(statementOf[*viewingv1.VideoViewed]), "viewing-1", `{"videoId": "1"}`, false, false},
		"DecodablePosition": {On(statementOf[*subscriberpositionv1.Read]), "subscriberPosition-x", `{"position": 1}`, false, false},
	} {
		s, err := test.handler.statement(messagestore.Message{Stream: test.stream, Data: test.data})
		if (err != nil) != test.fail || (s.Skipped != "") != test.skipped || (s.SQL == "") != (test.fail || test.skipped) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}
