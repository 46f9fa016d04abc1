package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// handled returns the number of calls of the method in the metrics.
func (w *wire) handled(t *testing.T, method string) (n float64) {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "grpc_server_handled_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "grpc_method" && l.GetValue() == method {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

// TestWriteEach checks that each write is made by itself and has the result of Write.
func TestWriteEach(t *testing.T) {
	t.Parallel()
	w := connect(t, teststore.New(t))
	write := func(stream, id string, expected *messagestorev1.ExpectedVersion) *messagestorev1.WriteRequest {
		return &messagestorev1.WriteRequest{StreamName: stream, ExpectedVersion: expected, Messages: []*messagestorev1.NewMessage{
			{Id: id, Type: "Happened", Data: "{}"}, {Id: uuid.NewString(), Type: "Happened", Data: "{}"},
		}}
	}
	repeated := write("a-1", uuid.NewString(), nil)
	fifth := &messagestorev1.ExpectedVersion{Kind: &messagestorev1.ExpectedVersion_Exactly{Exactly: 5}}
	request := &messagestorev1.WriteEachRequest{Writes: []*messagestorev1.WriteRequest{
		repeated,
		write("a-2", "no UUID", nil),
		write("a-3", uuid.NewString(), fifth),
		{StreamName: "a-4"},
		write("a-5", uuid.NewString(), nil),
	}}
	want := []string{"", "messages[0].id", "VERSION_CONFLICT", "messages", ""}
	for again := range 2 {
		response, err := w.service.WriteEach(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range response.Results {
			written := r.GetWritten()
			if stored := want[i] == ""; stored != (written != nil) || stored && (written.Position != 1 || written.AlreadyStored != (again == 1)) {
				t.Errorf("write %d: %v", i, r)
			}
			if !strings.Contains(r.GetError().String(), want[i]) {
				t.Errorf("write %d: %v, want %s", i, r.GetError(), want[i])
			}
		}
	}
	// A repeated write is recognized outside its batch too.
	alone, err := w.service.Write(t.Context(), repeated)
	if err != nil || !alone.AlreadyStored {
		t.Errorf("repeated alone: %v %v", alone, err)
	}
	if s, err := w.Status(t.Context()); err != nil || s.Head.Position != 4 {
		t.Errorf("%+v %v, want four messages", s, err)
	}
}

func TestWriteEach_Bounds(t *testing.T) {
	w := connect(t, fakeStore{write: func(context.Context, ...messagestore.NewMessage) (messagestore.Written, error) {
		t.Error("a write reached the store")
		return messagestore.Written{}, nil
	}})
	for _, writes := range [][]*messagestorev1.WriteRequest{
		nil,
		make([]*messagestorev1.WriteRequest, maxEach+1),
		{{Messages: make([]*messagestorev1.NewMessage, maxEachMessages)}, {Messages: make([]*messagestorev1.NewMessage, 1)}},
		{{Messages: []*messagestorev1.NewMessage{{Data: strings.Repeat("x", maxCall)}}}},
	} {
		_, err := w.service.WriteEach(t.Context(), &messagestorev1.WriteEachRequest{Writes: writes})
		if d, _ := detailsOf(status.Convert(err)); status.Code(err) != codes.InvalidArgument || len(d.violations) != 1 || d.violations[0].Field != "writes" {
			t.Errorf("%d writes: %v, want one violation of writes", len(writes), err)
		}
	}
}

// TestWriteEach_Refused checks that each rejected write is logged like a call, and that
// the largest response still fits into a call.
func TestWriteEach_Refused(t *testing.T) {
	w := connect(t, fakeStore{write: func(_ context.Context, m ...messagestore.NewMessage) (messagestore.Written, error) {
		switch m[0].Type {
		case "panics":
			panic("of a write")
		case "fails":
			return messagestore.Written{}, errors.New("secret")
		}
		invalid := &messagestore.InvalidError{}
		for i := range 1000 {
			invalid.Violations = append(invalid.Violations, messagestore.Violation{Field: fmt.Sprintf("messages[%d].id", i), Description: strings.Repeat("x", 100)})
		}
		return messagestore.Written{}, invalid
	}})
	request := &messagestorev1.WriteEachRequest{}
	for range maxEach {
		request.Writes = append(request.Writes, &messagestorev1.WriteRequest{Messages: []*messagestorev1.NewMessage{{}}})
	}
	request.Writes[0].Messages[0].Type, request.Writes[1].Messages[0].Type = "panics", "fails"
	response, err := w.service.WriteEach(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range response.Results {
		want := codes.InvalidArgument
		if i < 2 {
			want = codes.Internal
		}
		if s := r.GetError(); codes.Code(s.GetCode()) != want || strings.Contains(s.GetMessage(), "secret") {
			t.Errorf("write %d: %v %q, want %v", i, codes.Code(s.GetCode()), s.GetMessage(), want)
		}
	}
	w.close(t)
	for _, want := range []string{"panic=\"of a write\"", "error=secret", "code=Internal"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}
