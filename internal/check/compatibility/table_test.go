// Package compatibility_test checks that the messages are compatible with those of
// the original system, the book's: the components of both can work on one store and
// handle each other's messages.
package compatibility_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
	authenticationv1 "videotutorials/proto/authentication/v1"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// A value is the type of a JSON value.
type value int

const (
	text value = iota
	number
	textOrNull
)

// A kind describes the messages of one type in the original system, and names the
// contract that is compatible with them.
type kind struct {
	category messagestore.Category
	name     string
	contract proto.Message
	// id is the key of the data whose value is the id of the stream, or "" if only
	// the stream's name has it.
	id       string
	data     map[string]value
	metadata map[string]value
}

// Metadata of the original: of messages caused by a request, of commands to another
// component and their answers, and of positions.
var (
	traced     = map[string]value{"traceId": text, "userId": textOrNull}
	originated = map[string]value{"traceId": text, "userId": textOrNull, "originStreamName": text}
	bare       = map[string]value{}
)

// originals are the messages that the original's code writes and reads. Its handlers
// ignore additional keys; missing keys and other types are errors.
var originals = []kind{
	{"viewing", "VideoViewed", &viewingv1.VideoViewed{}, "videoId", map[string]value{"userId": textOrNull, "videoId": text}, traced},
	{"identity:command", "Register", &identityv1.Register{}, "userId", map[string]value{"userId": text, "email": text, "passwordHash": text}, traced},
	{"identity", "Registered", &identityv1.Registered{}, "userId", map[string]value{"userId": text, "email": text, "passwordHash": text}, traced},
	{"identity", "RegistrationRejected", &identityv1.RegistrationRejected{}, "userId", map[string]value{"userId": text, "email": text, "reason": text}, bare},
	{"identity", "RegistrationEmailSent", &identityv1.RegistrationEmailSent{}, "userId", map[string]value{"userId": text, "emailId": text}, traced},
	{"authentication", "UserLoggedIn", &authenticationv1.UserLoggedIn{}, "userId", map[string]value{"userId": text}, traced},
	{"authentication", "UserLoginFailed", &authenticationv1.UserLoginFailed{}, "userId", map[string]value{"userId": text, "reason": text}, traced},
	{"sendEmail:command", "Send", &sendemailv1.Send{}, "emailId", map[string]value{"emailId": text, "to": text, "subject": text, "text": text, "html": text}, originated},
	{"sendEmail", "Sent", &sendemailv1.Sent{}, "emailId", map[string]value{"emailId": text, "to": text, "subject": text, "text": text, "html": text, "from": text}, originated},
	{"sendEmail", "Failed", &sendemailv1.Failed{}, "emailId", map[string]value{"emailId": text, "to": text, "subject": text, "text": text, "html": text, "from": text, "reason": text}, originated},
	{"videoPublishing:command", "PublishVideo", &videopublishingv1.PublishVideo{}, "videoId", map[string]value{"ownerId": text, "sourceUri": text, "videoId": text}, traced},
	{"videoPublishing:command", "NameVideo", &videopublishingv1.NameVideo{}, "videoId", map[string]value{"videoId": text, "name": text}, traced},
	{"videoPublishing", "VideoPublished", &videopublishingv1.VideoPublished{}, "videoId", map[string]value{"ownerId": text, "sourceUri": text, "transcodedUri": text, "videoId": text}, traced},
	{"videoPublishing", "VideoPublishingFailed", &videopublishingv1.VideoPublishingFailed{}, "videoId", map[string]value{"ownerId": text, "sourceUri": text, "videoId": text, "reason": text}, traced},
	{"videoPublishing", "VideoNamed", &videopublishingv1.VideoNamed{}, "", map[string]value{"name": text}, traced},
	{"videoPublishing", "VideoNameRejected", &videopublishingv1.VideoNameRejected{}, "", map[string]value{"name": text, "reason": text}, traced},
	{"subscriberPosition", "Read", &subscriberpositionv1.Read{}, "", map[string]value{"position": number}, bare},
}

// beyond are the messages that the original does not know and therefore ignores.
var beyond = []string{
	"identity:command ConfirmRegistration", "identity:command GrantAdmin", "emailAddress EmailAddressReserved",
	"identity RegistrationConfirmed", "identity AdminGranted", "identity RegistrationEmailFailed",
	"sendEmail SendAttempted", "sendEmail SendAttemptFailed",
	"authentication AccountLocked", "authentication UserLoggedOut",
	"videoPublishing:command DescribeVideo", "videoPublishing PublishAttempted", "videoPublishing PublishAttemptFailed",
	"videoPublishing VideoDescribed", "videoPublishing VideoDescriptionRejected",
	"ownership Claimed", "ownership Transferred",
}

func nameOf(m messagestore.Message) string { return string(m.Stream.Category()) + " " + m.Type }

// original returns the kind of the message if the original knows it.
func original(m messagestore.Message) (kind, bool) {
	for _, k := range originals {
		if k.category == m.Stream.Category() && k.name == m.Type {
			return k, true
		}
	}
	return kind{}, false
}

// expectReadable checks that the original can read the message.
func expectReadable(t *testing.T, m messagestore.Message) {
	t.Helper()
	k, ok := original(m)
	if !ok {
		t.Errorf("%s in %s is not in the table", m.Type, m.Stream)
		return
	}
	data, metadata := object(t, m.Data), object(t, m.Metadata)
	expectKeys(t, m, "data", data, k.data)
	expectKeys(t, m, "metadata", metadata, k.metadata)
	if k.id != "" && string(m.Stream) != string(k.category)+"-"+textOf(data[k.id]) {
		t.Errorf("%s is in %s, want the stream of %s %v", m.Type, m.Stream, k.id, data[k.id])
	}
	if trace, ok := metadata["traceId"]; ok {
		if _, err := uuid.Parse(textOf(trace)); err != nil {
			t.Errorf("%s: trace id %v: %v", m.Type, trace, err)
		}
	}
	if origin, ok := metadata["originStreamName"]; ok && !strings.HasPrefix(textOf(origin), "identity-") {
		t.Errorf("%s: origin %v, want an identity", m.Type, origin)
	}
}

func expectKeys(t *testing.T, m messagestore.Message, of string, got map[string]any, keys map[string]value) {
	t.Helper()
	for key, want := range keys {
		v, ok := got[key]
		_, isText := v.(string)
		_, isNumber := v.(float64)
		fits := map[value]bool{text: isText, number: isNumber, textOrNull: isText || ok && v == nil}
		if !fits[want] {
			t.Errorf("%s: %s %q is %#v in %v", m.Type, of, key, v, got)
		}
	}
}

func object(t *testing.T, text string) (object map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}

func textOf(v any) string {
	text, _ := v.(string)
	return text
}
