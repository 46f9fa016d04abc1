package identity

import (
	"regexp"
	"testing"

	"videotutorials/components"
	identityv1 "videotutorials/proto/identity/v1"
)

// The suffixes of the tests, as _D1, are the numbers of defects in internal/check/defects.

// TestSpelling_D18 checks that all spellings of an address have the same stream and
// lead to the same decision.
func TestSpelling_D18(t *testing.T) {
	t.Parallel()
	want := registerStreams(&identityv1.Register{UserId: user, Email: email}, components.Cause{})
	for _, typed := range []string{"Ann@Example.org", " ann@example.org", "ANN@EXAMPLE.ORG\n"} {
		command := &identityv1.Register{UserId: user, Email: typed, PasswordHash: "hash"}
		if got := registerStreams(command, components.Cause{}); len(got) != 2 || got[1] != want[1] {
			t.Errorf("%q: streams %v, want %v", typed, got, want)
		}
		expect(t, identity{}.register(command, components.Cause{}),
			&identityv1.EmailAddressReserved{UserId: user, Email: email},
			&identityv1.Registered{UserId: user, Email: email, PasswordHash: "hash"})
	}
}

// TestReasons_D19 checks that a rejection has a code for programs, and a reason for people
// that contains no code.
func TestReasons_D19(t *testing.T) {
	t.Parallel()
	command := &identityv1.Register{UserId: user, Email: email}
	code, artefact := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`), regexp.MustCompile(`[{}\[\]"]|%!|\b[A-Z]+_[A-Z]+\b|Error`)
	for want, state := range map[string]identity{
		"EMAIL_TAKEN":   {reservedFor: "another"},
		"USER_ID_TAKEN": {registered: true, email: "eve@example.org"},
	} {
		emits := state.register(command, components.Cause{})
		if len(emits) != 1 {
			t.Fatalf("emits %v, want a rejection", emits)
		}
		rejected, ok := emits[0].Message().(*identityv1.RegistrationRejected)
		if !ok || rejected.GetCode() != want || !code.MatchString(want) {
			t.Errorf("emits %v, want code %s", emits[0].Message(), want)
		}
		if reason := rejected.GetReason(); reason == "" || artefact.MatchString(reason) {
			t.Errorf("reason %q is empty or contains program text", reason)
		}
	}
}
