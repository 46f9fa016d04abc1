package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"videotutorials/messagestore"
)

// Marshal returns the JSON object that is stored for m: keys in lowerCamelCase,
// zero values present, null for absent messages and wrappers, 64-bit integers as
// numbers. It returns an error if a string of m is not UTF-8.
func Marshal(m proto.Message) (string, error) {
	printed, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("marshal %s: %w", Type(m), err)
	}
	if !hasNumbers(m.ProtoReflect().Descriptor(), 0) {
		var compact bytes.Buffer // protojson strews white space in at random
		err := json.Compact(&compact, printed)
		return compact.String(), err
	}
	decoder := json.NewDecoder(bytes.NewReader(printed))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", fmt.Errorf("marshal %s: %w", Type(m), err)
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(numbers(value, m.ProtoReflect().Descriptor())); err != nil {
		return "", fmt.Errorf("marshal %s: %w", Type(m), err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// Unmarshal sets m to what data says. Unknown keys are ignored, absent ones and
// null leave the zero value, integers may be numbers or strings. It returns an
// error if data is no JSON object or a value does not fit.
func Unmarshal(data string, m proto.Message) error {
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal([]byte(data), m); err != nil {
		return fmt.Errorf("unmarshal %s: %w", Type(m), err)
	}
	return nil
}

// Decode returns what a stored message says, as its contract. Its errors are
// those of Unmarshal.
func Decode[M proto.Message](m messagestore.Message) (M, error) {
	var contract M
	contract = contract.ProtoReflect().New().Interface().(M)
	return contract, Unmarshal(m.Data, contract)
}

// hasNumbers reports whether a message of that type can have a 64-bit integer.
// Of types that hold each other it says yes.
func hasNumbers(d protoreflect.MessageDescriptor, depth int) bool {
	const deepest = 8
	if depth > deepest {
		return true
	}
	if d.FullName() == "google.protobuf.Timestamp" || d.FullName() == "google.protobuf.Duration" {
		return false // printed as text
	}
	fields := d.Fields()
	for i := range fields.Len() {
		switch field := fields.Get(i); field.Kind() {
		case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
			protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
			return true
		case protoreflect.MessageKind, protoreflect.GroupKind:
			if hasNumbers(field.Message(), depth+1) {
				return true
			}
		}
	}
	return false
}

// numbers returns the value of a message of that type, as protojson prints it,
// with its 64-bit integers as numbers: protojson prints them as strings, for the
// sake of JavaScript.
func numbers(value any, d protoreflect.MessageDescriptor) any {
	switch d.FullName() {
	case "google.protobuf.Int64Value", "google.protobuf.UInt64Value":
		return number(value)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	fields := d.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if v, ok := object[field.JSONName()]; ok {
			object[field.JSONName()] = fieldNumbers(v, field)
		}
	}
	return object
}

func fieldNumbers(value any, field protoreflect.FieldDescriptor) any {
	switch v := value.(type) {
	case []any:
		if field.IsList() {
			for i := range v {
				v[i] = singleNumbers(v[i], field)
			}
			return v
		}
	case map[string]any:
		if field.IsMap() {
			for key := range v {
				v[key] = singleNumbers(v[key], field.MapValue())
			}
			return v
		}
	}
	return singleNumbers(value, field)
}

func singleNumbers(value any, field protoreflect.FieldDescriptor) any {
	switch field.Kind() {
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return number(value)
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return numbers(value, field.Message())
	}
	return value
}

func number(value any) any {
	if digits, ok := value.(string); ok {
		return json.Number(digits)
	}
	return value
}
