package contract

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"videotutorials/messagestore"
)

// Marshal returns the JSON object that is stored for m. Keys are in lowerCamelCase,
// zero values are present, absent messages and wrappers are null, and 64-bit
// integers are numbers. It returns an error if a string of m is not UTF-8.
func Marshal(m proto.Message) (string, error) {
	printed, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("marshal %s: %w", Type(m), err)
	}
	var b bytes.Buffer
	d := m.ProtoReflect().Descriptor()
	if !hasInt64(d, 0) {
		err := json.Compact(&b, printed) // protojson adds white space at random
		return b.String(), err
	}
	decoder := json.NewDecoder(bytes.NewReader(printed))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", fmt.Errorf("marshal %s: %w", Type(m), err)
	}
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(messageNumbers(value, d)); err != nil {
		return "", fmt.Errorf("marshal %s: %w", Type(m), err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// Unmarshal parses stored data into m. Unknown keys are ignored, absent and null
// ones leave the zero value, integers may be numbers or strings. It returns an error
// if data is not a JSON object or a value does not fit.
func Unmarshal(data string, m proto.Message) error {
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal([]byte(data), m); err != nil {
		return fmt.Errorf("unmarshal %s: %w", Type(m), err)
	}
	return nil
}

// Decode returns the data of a stored message as its contract M. Its errors are
// those of Unmarshal.
func Decode[M proto.Message](m messagestore.Message) (M, error) {
	var contract M
	contract = contract.ProtoReflect().New().Interface().(M)
	return contract, Unmarshal(m.Data, contract)
}

func isInt64(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return true
	}
	return false
}

// hasInt64 reports whether a message of type d can contain a 64-bit integer. It
// returns true for recursive types.
func hasInt64(d protoreflect.MessageDescriptor, depth int) bool {
	const maxDepth = 8
	switch {
	case depth > maxDepth:
		return true
	case d.FullName() == "google.protobuf.Timestamp" || d.FullName() == "google.protobuf.Duration":
		return false // printed as text
	}
	for i := range d.Fields().Len() {
		field := d.Fields().Get(i)
		if isInt64(field.Kind()) || field.Message() != nil && hasInt64(field.Message(), depth+1) {
			return true
		}
	}
	return false
}

// messageNumbers replaces the 64-bit integers in value, a message of type d, by
// numbers: protojson prints them as strings, for JavaScript.
func messageNumbers(value any, d protoreflect.MessageDescriptor) any {
	switch v := value.(type) {
	case string:
		if name := d.FullName(); name == "google.protobuf.Int64Value" || name == "google.protobuf.UInt64Value" {
			return json.Number(v)
		}
	case map[string]any:
		for i := range d.Fields().Len() {
			field := d.Fields().Get(i)
			if of, ok := v[field.JSONName()]; ok {
				v[field.JSONName()] = fieldNumbers(of, field)
			}
		}
	}
	return value
}

// fieldNumbers is messageNumbers for a field, or an element of a repeated one.
func fieldNumbers(value any, field protoreflect.FieldDescriptor) any {
	switch v := value.(type) {
	case string:
		if isInt64(field.Kind()) {
			return json.Number(v)
		}
	case []any:
		for i := range v {
			v[i] = fieldNumbers(v[i], field)
		}
		return v
	case map[string]any:
		if field.IsMap() {
			for key := range v {
				v[key] = fieldNumbers(v[key], field.MapValue())
			}
			return v
		}
	}
	if field.Message() != nil {
		return messageNumbers(value, field.Message())
	}
	return value
}
