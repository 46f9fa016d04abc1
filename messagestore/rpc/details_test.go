package rpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"videotutorials/messagestore"
)

// TestDetails_Bounded checks that a status fits into the trailers that every client
// accepts, whatever the number and the length of the violations.
func TestDetails_Bounded(t *testing.T) {
	long := strings.Repeat("ü", 100_000)
	var many []messagestore.Violation
	for i := range 10_000 {
		many = append(many, messagestore.Violation{Field: fmt.Sprintf("messages[%d].id", i), Description: "is required, a UUID"})
	}
	for name, violations := range map[string][]messagestore.Violation{
		"a long description": {{Field: "messages[0].data", Description: long}},
		"a long field":       {{Field: long, Description: "is wrong"}},
		"many":               many,
		"many long ones":     {{Field: long, Description: long}, {Field: long, Description: long}, {Field: long, Description: long}},
	} {
		s := status.Convert(toStatus(&messagestore.InvalidError{Violations: violations}))
		size := base64.StdEncoding.EncodedLen(proto.Size(s.Proto())) + len(url.PathEscape(s.Message()))
		if size > 8<<10 || s.Code() != codes.InvalidArgument || !utf8.ValidString(s.Message()) {
			t.Errorf("%s: %v with %d bytes, want INVALID_ARGUMENT with at most 8 KiB: %.100s", name, s.Code(), size, s.Message())
		}
		var back *messagestore.InvalidError
		if err := fromStatus(s.Err()); !errors.As(err, &back) || len(back.Violations) == 0 {
			t.Errorf("%s: the caller gets %v, want an *InvalidError", name, err)
		}
	}
}
