package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/messagestore"
	"videotutorials/messagestore/rpc"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// A printer prints lines of text or of JSON.
type printer struct {
	out  *bufio.Writer
	json bool
}

// print prints m as a line of JSON, or the text.
func (p *printer) print(m any, format string, a ...any) error {
	if !p.json {
		_, err := fmt.Fprintf(p.out, format+"\n", a...)
		return err
	}
	line, err := toJSON(m)
	if err != nil {
		return err
	}
	_, err = p.out.Write(append(line, '\n'))
	return err
}

// toJSON returns m, which is a proto or a value for encoding/json, as a line.
func toJSON(m any) ([]byte, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return json.Marshal(m)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		return nil, err
	}
	// protojson adds random white space.
	var line bytes.Buffer
	err = json.Compact(&line, text)
	return line.Bytes(), err
}

// message prints a message.
func (p *printer) message(m *messagestore.Message) error {
	return p.print(&messagestorev1.Message{
		Id:             m.ID,
		StreamName:     string(m.Stream),
		Type:           m.Type,
		Data:           m.Data,
		Metadata:       m.Metadata,
		Position:       m.Position,
		GlobalPosition: m.GlobalPosition,
		Time:           timestamppb.New(m.Time),
		Writer:         string(m.Writer),
	}, "%8d  %s  %s  %d  %s  %s", m.GlobalPosition, clock(m.Time), m.Stream, m.Position, m.Type, escape(m.Data))
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// escape escapes the control characters that JSON allows in strings, which could
// control the terminal.
func escape(data string) string {
	if !strings.ContainsFunc(data, unicode.IsControl) {
		return data
	}
	var b strings.Builder
	for _, r := range data {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// A failure is an error of the store for people and scripts: first the reason on the
// wire, and each violation on a line of its own.
//
// It has no Unwrap, so that an interrupted command exits with 1.
type failure struct {
	reason string
	at     string // where in the input, or ""
	cause  error
}

func (f *failure) Error() string {
	var b strings.Builder
	b.WriteString(f.reason)
	if f.at != "" {
		b.WriteString(": " + f.at)
	}
	invalid, ok := errors.AsType[*messagestore.InvalidError](f.cause)
	if !ok {
		return b.String() + ": " + f.cause.Error()
	}
	for _, v := range invalid.Violations {
		b.WriteString("\n  " + v.Field + ": " + v.Description)
	}
	return b.String()
}

// readable returns a *failure for an error of the store, and other errors unchanged.
func readable(at string, err error) error {
	if reason := reasonOf(err); reason != "" {
		return &failure{reason, at, err}
	}
	return err
}

// reasonOf returns the reason on the wire, else the code, of an error of the store,
// and "" for other errors.
func reasonOf(err error) string {
	reason := rpc.Reason(err)
	if reason == "CANCELLED" {
		return "interrupted"
	}
	return reason
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
