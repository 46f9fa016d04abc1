package application

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

// The ids were computed by another program. They never change.
func TestDerive(t *testing.T) {
	t.Parallel()
	viewings := "/v1/videos/" + aVideo + "/viewings"
	for _, c := range []struct{ purpose, key, caller, path, want string }{
		{purposeTrace, aKey, "anonymous", viewings, "1eea2366-340c-8862-b020-fbe1d563579c"},
		{purposeTrace, aKey, aUser, viewings, "3738d252-10a3-861f-875f-a43b2ed58e96"},
		{purposeMessage(0), aKey, "anonymous", viewings, "58b4e59c-c25e-83fd-a36e-027cac7c3a9a"},
		{purposeMessage(0), aKey, aUser, viewings, "0adcc31d-811b-89b9-a773-4006e3d6b0a0"},
		{purposeMessage(1), aKey, "anonymous", viewings, "d30de980-b0e6-8521-a2ce-ffe743dbccc4"},
		{purposeMessage(1), aKey, aUser, viewings, "bdd4ee3f-0ec1-8999-a0c6-7761986b4736"},
		{purposeTrace, uuid.Nil.String(), "anonymous", "/v1/users", "f5a8a6d8-546f-8704-af66-d718c0ca240c"},
	} {
		if got := derive(c.purpose, uuid.MustParse(c.key), c.caller, c.path); got != c.want {
			t.Errorf("derive(%q, %q, %q, %q) = %s, want %s", c.purpose, c.key, c.caller, c.path, got, c.want)
		}
	}
}

func TestDoor_Request(t *testing.T) {
	t.Parallel()
	const record, home = applicationv1.ViewingsService_RecordViewing_FullMethodName, applicationv1.HomeService_GetHome_FullMethodName
	d := door{routes: newRoutes(), tokens: tokens{aSecret(t)}}
	in := &applicationv1.RecordViewingRequest{VideoId: strings.ToUpper(aVideo)}

	t.Run("Key", func(t *testing.T) {
		t.Parallel()
		r := d.request(t.Context(), record, in, metadata.Pairs(keyHeader, strings.ToUpper(aKey)).Get)
		if r.traceID != "1eea2366-340c-8862-b020-fbe1d563579c" {
			t.Errorf("trace id is %s", r.traceID)
		}
		if id := r.id(purposeMessage(0)); id != "58b4e59c-c25e-83fd-a36e-027cac7c3a9a" {
			t.Errorf("message id is %s", id)
		}
	})
	t.Run("NoKey", func(t *testing.T) {
		t.Parallel()
		a, b := d.request(t.Context(), record, in, metadata.MD{}.Get), d.request(t.Context(), record, in, metadata.MD{}.Get)
		if a.traceID == b.traceID || uuid.MustParse(a.traceID).Version() != 4 {
			t.Errorf("trace ids are %s and %s", a.traceID, b.traceID)
		}
		if a.id(purposeMessage(0)) == b.id(purposeMessage(0)) {
			t.Error("two calls have one message id")
		}
	})
	t.Run("OnlyPost", func(t *testing.T) {
		t.Parallel()
		r := d.request(t.Context(), home, &applicationv1.GetHomeRequest{}, metadata.Pairs(keyHeader, "no key").Get)
		if r.key != nil || r.invalid != nil {
			t.Errorf("a read has a key: %v %v", r.key, r.invalid)
		}
	})
	for name, md := range map[string]metadata.MD{
		"Empty":  metadata.Pairs(keyHeader, ""),
		"Braces": metadata.Pairs(keyHeader, "{"+aKey+"}"),
		"Urn":    metadata.Pairs(keyHeader, "urn:uuid:"+aKey),
		"Dashes": metadata.Pairs(keyHeader, strings.ReplaceAll(aKey, "-", "")),
		"Digits": metadata.Pairs(keyHeader, "z"+aKey[1:]),
		"Twice":  metadata.Pairs(keyHeader, aKey, keyHeader, aKey),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := d.request(t.Context(), record, in, md.Get)
			if len(r.invalid) != 1 || r.invalid[0].GetField() != "Idempotency-Key" {
				t.Errorf("violations are %v", r.invalid)
			}
			if r.key != nil {
				t.Errorf("key is %v", r.key)
			}
		})
	}
}
