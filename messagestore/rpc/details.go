package rpc

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"videotutorials/messagestore"
)

// domain is the domain of every ErrorInfo.
const domain = "messagestore"

// maxViolations bounds the violations of a status in bytes, and maxViolation the
// field and the description of one. A status is sent in the trailers, once as text
// and once whole in base64, and some clients accept trailers of 8 KiB only.
const (
	maxViolations = 3 << 10
	maxViolation  = 256
)

// details are the content of a status besides its code.
type details struct {
	text       string
	metadata   map[string]string
	violations []messagestore.Violation
	retryAfter *time.Duration

	decoding  bool // from a status into an error, else the other way
	malformed bool // a required value is absent from the metadata
}

func (d *details) status(code codes.Code, reason string) *status.Status {
	var all []protoadapt.MessageV1
	if reason != "" {
		all = append(all, &errdetails.ErrorInfo{Domain: domain, Reason: reason, Metadata: d.metadata})
	}
	if d.violations != nil {
		var bad errdetails.BadRequest
		for _, v := range d.violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Description})
		}
		all = append(all, &bad)
	}
	if d.retryAfter != nil {
		all = append(all, &errdetails.RetryInfo{RetryDelay: durationpb.New(*d.retryAfter)})
	}
	s, err := status.New(code, d.text).WithDetails(all...)
	if err != nil { // a text is not UTF-8
		return status.New(codes.Internal, messagestore.ErrInternal.Error())
	}
	return s
}

func detailsOf(s *status.Status) (d *details, reason string) {
	d = &details{text: s.Message(), decoding: true}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.Domain == domain {
				reason, d.metadata = detail.Reason, detail.Metadata
			}
		case *errdetails.BadRequest:
			for _, v := range detail.FieldViolations {
				d.violations = append(d.violations, messagestore.Violation{Field: v.Field, Description: v.Description})
			}
		case *errdetails.RetryInfo:
			after := detail.RetryDelay.AsDuration()
			d.retryAfter = &after
		}
	}
	return d, reason
}

// text converts a field of an error that is a string in the metadata.
func text[S ~string](d *details, key string, field *S) {
	if d.decoding {
		*field = S(d.metadata[key])
		return
	}
	if d.metadata == nil {
		d.metadata = map[string]string{}
	}
	d.metadata[key] = string(*field)
}

// number converts a field of an error that is a decimal number in the metadata.
func number[N ~int64](d *details, key string, field *N) {
	decimal := strconv.FormatInt(int64(*field), 10)
	text(d, key, &decimal)
	if d.decoding {
		n, err := strconv.ParseInt(decimal, 10, 64)
		*field, d.malformed = N(n), d.malformed || err != nil
	}
}

// version converts a field of an error that is Version.String in the metadata.
func version(d *details, key string, field *messagestore.Version) {
	name := field.String()
	text(d, key, &name)
	if !d.decoding {
		return
	}
	for _, v := range []messagestore.Version{messagestore.None, messagestore.Any, messagestore.Exists} {
		if name == v.String() {
			*field = v
			return
		}
	}
	number(d, key, field)
}

// bounded returns the violations that fit into a status, and then one with the
// number of those left out.
func bounded(violations []messagestore.Violation) []messagestore.Violation {
	var fit []messagestore.Violation
	size := 0
	for i, v := range violations {
		v.Field, v.Description = truncate(v.Field), truncate(v.Description)
		size += len(v.Field) + len(v.Description)
		if size > maxViolations {
			more := fmt.Sprintf("and %d violations more", len(violations)-i)
			return append(fit, messagestore.Violation{Field: "request", Description: more})
		}
		fit = append(fit, v)
	}
	return fit
}

// truncate bounds a text to maxViolation bytes.
func truncate(text string) string {
	if len(text) <= maxViolation {
		return text
	}
	return strings.ToValidUTF8(text[:maxViolation], "") + "…"
}

// summary returns the text of a status with the violations.
func summary(violations []messagestore.Violation) string {
	if len(violations) == 0 {
		return "invalid request"
	}
	first := truncate(violations[0].Field) + ": " + truncate(violations[0].Description)
	if more := len(violations) - 1; more > 0 {
		return fmt.Sprintf("%s; and %d more", first, more)
	}
	return first
}
