package call

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"

	applicationv1 "videotutorials/proto/application/v1"
)

const (
	aKey   = "5a0f9f2c-6d57-4b8e-9a9c-2f6f3c1d7e10"
	aVideo = "7f1c2d3e-4a5b-4c6d-8e9f-0a1b2c3d4e5f"
	aUser  = "c0ffee00-0000-4000-8000-000000000001"
)

// The ids were computed by another program. They MUST NOT change.
func TestRequest_Derive(t *testing.T) {
	t.Parallel()
	viewings := "/v1/videos/" + aVideo + "/viewings"
	for _, c := range []struct{ purpose, key, caller, path, want string }{
		{purposeTrace, aKey, "anonymous", viewings, "1eea2366-340c-8862-b020-fbe1d563579c"},
		{purposeTrace, aKey, aUser, viewings, "3738d252-10a3-861f-875f-a43b2ed58e96"},
		{PurposeMessage, aKey, "anonymous", viewings, "58b4e59c-c25e-83fd-a36e-027cac7c3a9a"},
		{PurposeMessage, aKey, aUser, viewings, "0adcc31d-811b-89b9-a773-4006e3d6b0a0"},
		{"message 1", aKey, "anonymous", viewings, "d30de980-b0e6-8521-a2ce-ffe743dbccc4"},
		{"message 1", aKey, aUser, viewings, "bdd4ee3f-0ec1-8999-a0c6-7761986b4736"},
		{purposeTrace, uuid.Nil.String(), "anonymous", "/v1/users", "f5a8a6d8-546f-8704-af66-d718c0ca240c"},
	} {
		r := &Request{Path: func() string { return c.path }}
		if c.caller != "anonymous" {
			r.Session = &Session{User: uuid.MustParse(c.caller)}
		}
		if got := r.Derive(c.purpose, uuid.MustParse(c.key)); got != c.want {
			t.Errorf("Derive(%q, %q) of %q at %q = %s, want %s", c.purpose, c.key, c.caller, c.path, got, c.want)
		}
	}
}

func TestNewRequest(t *testing.T) {
	t.Parallel()
	newRequest := func(verb string, keys ...string) *Request {
		md := metadata.MD{"idempotency-key": keys}
		return NewRequest(t.Context(), verb, func() string { return "/v1/videos/" + aVideo + "/viewings" }, nil, md.Get)
	}
	t.Run("Key", func(t *testing.T) {
		t.Parallel()
		r := newRequest("POST", strings.ToUpper(aKey))
		if r.TraceID != "1eea2366-340c-8862-b020-fbe1d563579c" || r.MessageID() != "58b4e59c-c25e-83fd-a36e-027cac7c3a9a" {
			t.Errorf("trace id is %s, message id %s", r.TraceID, r.MessageID())
		}
	})
	t.Run("NoKey", func(t *testing.T) {
		t.Parallel()
		a, b := newRequest("POST"), newRequest("POST")
		if a.TraceID == b.TraceID || uuid.MustParse(a.TraceID).Version() != 4 {
			t.Errorf("trace ids are %s and %s", a.TraceID, b.TraceID)
		}
		if a.MessageID() == b.MessageID() {
			t.Error("two calls have the same message id")
		}
	})
	t.Run("OnlyPost", func(t *testing.T) {
		t.Parallel()
		if r := newRequest("GET", "malformed"); r.Key != nil || r.Invalid != nil {
			t.Errorf("a read has the key %v, violations %v", r.Key, r.Invalid)
		}
	})
	for name, keys := range map[string][]string{
		"Empty":  {""},
		"Braces": {"{" + aKey + "}"},
		"Urn":    {"urn:uuid:" + aKey},
		"Dashes": {strings.ReplaceAll(aKey, "-", "")},
		"Digits": {"z" + aKey[1:]},
		"Twice":  {aKey, aKey},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRequest("POST", keys...)
			if len(r.Invalid) != 1 || r.Invalid[0].GetField() != "Idempotency-Key" || r.Key != nil {
				t.Errorf("violations are %v, key is %v", r.Invalid, r.Key)
			}
		})
	}
}

// The path of a call by gRPC is that in REST, with UUIDs in lower case.
func TestRoute_Path(t *testing.T) {
	t.Parallel()
	r, ok := NewRoutes().Method(applicationv1.ViewingsService_RecordViewing_FullMethodName)
	if path := r.Path(&applicationv1.RecordViewingRequest{VideoId: strings.ToUpper(aVideo)}); !ok || path != "/v1/videos/"+aVideo+"/viewings" {
		t.Errorf("path is %s, %t", path, ok)
	}
	if path := r.Path(&applicationv1.RecordViewingRequest{VideoId: "a/b c"}); path != "/v1/videos/a%2Fb%20c/viewings" {
		t.Errorf("path is %s", path)
	}
}
