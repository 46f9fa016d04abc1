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

// domain is ErrorInfo's: it says whose reasons these are.
const domain = "messagestore"

// maxViolations bounds the violations of a status, in bytes, and maxViolation the
// field and the description of one. A status travels in the trailers, as a text and
// as a whole in base64, of which clients in C, Python and others accept 8 KiB.
const (
	maxViolations = 3 << 10
	maxViolation  = 256
)

// details are what a status carries besides its code.
type details struct {
	text       string
	metadata   map[string]string
	violations []messagestore.Violation
	retry      *time.Duration
	malformed  bool // something asked for is not in the metadata
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
	if d.retry != nil {
		all = append(all, &errdetails.RetryInfo{RetryDelay: durationpb.New(*d.retry)})
	}
	s, err := status.New(code, d.text).WithDetails(all...)
	if err != nil { // a text that is not UTF-8
		return status.New(codes.Internal, messagestore.ErrInternal.Error())
	}
	return s
}

func detailsOf(s *status.Status) (d *details, reason string) {
	d = &details{text: s.Message()}
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
			d.retry = &after
		}
	}
	return d, reason
}

func (d *details) set(key, value string) {
	if d.metadata == nil {
		d.metadata = map[string]string{}
	}
	d.metadata[key] = value
}

func (d *details) setNumber(key string, n int64) { d.set(key, strconv.FormatInt(n, 10)) }

func (d *details) number(key string) int64 {
	n, err := strconv.ParseInt(d.metadata[key], 10, 64)
	d.malformed = d.malformed || err != nil
	return n
}

// version is a number, or what Version.String says instead of one.
func (d *details) version(key string) messagestore.Version {
	for _, v := range []messagestore.Version{messagestore.None, messagestore.Any, messagestore.Exists} {
		if d.metadata[key] == v.String() {
			return v
		}
	}
	return messagestore.Version(d.number(key))
}

// bounded returns the violations that fit into a status, and says how many do
// not.
func bounded(violations []messagestore.Violation) []messagestore.Violation {
	var fit []messagestore.Violation
	size := 0
	for i, v := range violations {
		v.Field, v.Description = cut(v.Field), cut(v.Description)
		size += len(v.Field) + len(v.Description)
		if size > maxViolations {
			more := fmt.Sprintf("and %d violations more", len(violations)-i)
			return append(fit, messagestore.Violation{Field: "request", Description: more})
		}
		fit = append(fit, v)
	}
	return fit
}

// cut returns the beginning of a text that is too long.
func cut(text string) string {
	if len(text) <= maxViolation {
		return text
	}
	return strings.ToValidUTF8(text[:maxViolation], "") + "…"
}

// summary is the text of a status whose details have the rest.
func summary(violations []messagestore.Violation) string {
	if len(violations) == 0 {
		return "invalid request"
	}
	first := cut(violations[0].Field) + ": " + cut(violations[0].Description)
	if more := len(violations) - 1; more > 0 {
		return fmt.Sprintf("%s; and %d more", first, more)
	}
	return first
}
