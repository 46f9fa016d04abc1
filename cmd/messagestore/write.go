package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// maxInput bounds the input of one call, in bytes. The store rejects calls that large.
const maxInput = 16 << 20

// writeMessages is the command that writes messages to a stream.
type writeMessages struct {
	client
	ID       string        `name:"id" help:"id of the message, a UUID; default a random one"`
	Metadata string        `name:"metadata" help:"JSON object; default {}"`
	Expected string        `name:"expected" default:"any" help:"version that the stream must have: the position of its last message, none, exists or any"`
	Stdin    bool          `name:"stdin" default:"false" help:"write the messages of the input in one call: JSON objects with id, type, data, metadata"`
	Timeout  time.Duration `name:"timeout" default:"10s" help:"timeout of the call"`
}

func (w *writeMessages) run(ctx context.Context, _ *slog.Logger, args []string) error {
	expected, err := versionOf(w.Expected)
	if err != nil {
		return err
	}
	messages, err := w.messages(args)
	if err != nil {
		return err
	}
	return w.call(func(store messagestore.Store, p *printer) error {
		ctx, cancel := context.WithTimeout(ctx, w.Timeout)
		defer cancel()
		stream := messagestore.Stream(args[0])
		written, err := store.Write(ctx, stream, expected, messages...)
		if err != nil {
			return w.unknown(err, messages)
		}
		last := messages[len(messages)-1]
		var already string
		if written.AlreadyStored {
			already = ", already stored"
		}
		return p.print(&messagestorev1.WriteResponse{
			Position: written.Position, GlobalPosition: written.GlobalPosition, AlreadyStored: written.AlreadyStored,
		}, "%s at %d, global position %d, id %s%s", stream, written.Position, written.GlobalPosition, last.ID, already)
	})
}

// messages returns the messages to write.
func (w *writeMessages) messages(args []string) ([]messagestore.NewMessage, error) {
	switch {
	case w.Stdin && (len(args) != 1 || w.ID != "" || w.Metadata != ""):
		return nil, usage("write -stdin takes a STREAM alone: id, type, data and metadata come from the input")
	case w.Stdin:
		return messagesFrom(os.Stdin)
	case len(args) < 2 || len(args) > 3:
		return nil, usage("write takes STREAM TYPE [DATA]")
	}
	m := messagestore.NewMessage{ID: w.ID, Type: args[1], Data: "{}", Metadata: w.Metadata}
	if m.ID == "" {
		m.ID = contract.NewID()
	}
	if len(args) == 3 {
		m.Data = args[2]
	}
	if m.Data == "-" {
		text, err := io.ReadAll(io.LimitReader(os.Stdin, maxInput))
		if err != nil {
			return nil, fmt.Errorf("read the data: %w", err)
		}
		m.Data = string(text)
	}
	return []messagestore.NewMessage{m}, nil
}

// unknown adds to an error after which the write may be stored how to repeat it.
func (w *writeMessages) unknown(err error, messages []messagestore.NewMessage) error {
	switch {
	case !is[*messagestore.UnavailableError](err) && !is[*messagestore.ExhaustedError](err) &&
		!errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled):
		return err
	case w.Stdin:
		return fmt.Errorf("%w; perhaps it is stored: repeating it with the same ids is safe, if the input has them", err)
	}
	return fmt.Errorf("%w; perhaps it is stored: repeating it is safe with -id %s", err, messages[0].ID)
}

// messagesFrom reads messages: JSON objects with the fields of NewMessage. data and
// metadata are objects, or strings of objects as in the proto.
func messagesFrom(in io.Reader) ([]messagestore.NewMessage, error) {
	decoder := json.NewDecoder(io.LimitReader(in, maxInput))
	decoder.DisallowUnknownFields()
	var messages []messagestore.NewMessage
	for {
		var m struct {
			ID       string     `json:"id"`
			Type     string     `json:"type"`
			Data     jsonObject `json:"data"`
			Metadata jsonObject `json:"metadata"`
		}
		err := decoder.Decode(&m)
		switch {
		case errors.Is(err, io.EOF) && len(messages) == 0:
			return nil, usage("the input has no messages")
		case errors.Is(err, io.EOF):
			return messages, nil
		case err != nil:
			return nil, fmt.Errorf("message %d of the input: %w", len(messages)+1, err)
		}
		if m.ID == "" {
			m.ID = contract.NewID()
		}
		messages = append(messages, messagestore.NewMessage{ID: m.ID, Type: m.Type, Data: string(m.Data), Metadata: string(m.Metadata)})
	}
}

// A jsonObject is the text of a JSON object, which may be quoted in a JSON string.
type jsonObject string

// UnmarshalJSON implements json.Unmarshaler.
func (o *jsonObject) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, (*string)(o))
	}
	*o = jsonObject(text)
	return nil
}

// versionOf parses an expected version.
func versionOf(arg string) (messagestore.Version, error) {
	for _, v := range []messagestore.Version{messagestore.None, messagestore.Exists, messagestore.Any} {
		if arg == v.String() {
			return v, nil
		}
	}
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 0 {
		return 0, usage("expected is %q, not a position, none, exists or any", arg)
	}
	return messagestore.Version(n), nil
}
