// Package compatibility_test holds the messages to those of the original system,
// so that its components and ours can work on one store, each with the other's
// messages.
package compatibility_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"videotutorials/messagestore"
)

// A value is what JSON can hold.
type value int

const (
	text value = iota
	number
	textOrNull
)

// A kind is what messages of a type are like in the original system.
type kind struct {
	category messagestore.Category
	name     string
	// id is the key of the data whose value is the id of the stream. "": the
	// stream's name alone has it.
	id       string
	data     map[string]value
	metadata map[string]value
}

// Metadata of the original: of what follows from a request, and of what is asked
// of another component, and answered by it.
var (
	traced     = map[string]value{"traceId": text, "userId": textOrNull}
	originated = map[string]value{"traceId": text, "userId": textOrNull, "originStreamName": text}
	bare       = map[string]value{}
)

// originals are the original's messages, as its code writes and reads them. A
// handler there takes what it needs from data and metadata, and ignores the rest:
// more keys than these are allowed, fewer or others are not.
var originals = []kind{
	{"viewing", "VideoViewed", "videoId", map[string]value{"userId": textOrNull, "videoId": text}, traced},
	{"identity:command", "Register", "userId", map[string]value{"userId": text, "email": text, "passwordHash": text}, traced},
	{"identity", "Registered", "userId", map[string]value{"userId": text, "email": text, "passwordHash": text}, traced},
	{"identity", "RegistrationRejected", "userId", map[string]value{"userId": text, "email": text, "reason": text}, bare},
	{"identity", "RegistrationEmailSent", "userId", map[string]value{"userId": text, "emailId": text}, traced},
	{"authentication", "UserLoggedIn", "userId", map[string]value{"userId": text}, traced},
	{"authentication", "UserLoginFailed", "userId", map[string]value{"userId": text, "reason": text}, traced},
	{"sendEmail:command", "Send", "emailId", map[string]value{"emailId": text, "to": text, "subject": text, "text": text, "html": text}, originated},
	{"sendEmail", "Sent", "emailId", map[string]value{"emailId": text, "to": text, "subject": text, "text": text, "html": text, "from": text}, originated},
	{"sendEmail", "Failed", "emailId", map[string]value{"emailId": text, "to": text, "subject": text, "text": text, "html": text, "from": text, "reason": text}, originated},
	{"videoPublishing:command", "PublishVideo", "videoId", map[string]value{"ownerId": text, "sourceUri": text, "videoId": text}, traced},
	{"videoPublishing:command", "NameVideo", "videoId", map[string]value{"videoId": text, "name": text}, traced},
	{"videoPublishing", "VideoPublished", "videoId", map[string]value{"ownerId": text, "sourceUri": text, "transcodedUri": text, "videoId": text}, traced},
	{"videoPublishing", "VideoPublishingFailed", "videoId", map[string]value{"ownerId": text, "sourceUri": text, "videoId": text, "reason": text}, traced},
	{"videoPublishing", "VideoNamed", "", map[string]value{"name": text}, traced},
	{"videoPublishing", "VideoNameRejected", "", map[string]value{"name": text, "reason": text}, traced},
	{"subscriberPosition", "Read", "", map[string]value{"position": number}, bare},
}

// beyond are our messages that the original does not know, and so ignores.
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

// original returns what the original expects of the message, if it knows it.
func original(m messagestore.Message) (kind, bool) {
	for _, k := range originals {
		if k.category == m.Stream.Category() && k.name == m.Type {
			return k, true
		}
	}
	return kind{}, false
}

// expectReadable fails where the original could not read the message.
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
