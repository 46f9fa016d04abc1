package contract_test

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	_ "google.golang.org/protobuf/types/known/structpb"    // registers its file
	_ "google.golang.org/protobuf/types/known/timestamppb" // registers its file
	"google.golang.org/protobuf/types/known/wrapperspb"

	"videotutorials/messagestore/contract"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

func TestMarshal(t *testing.T) {
	for _, test := range []struct {
		name    string
		message proto.Message
		want    string
	}{
		{"Anonymous", &viewingv1.VideoViewed{VideoId: "v"}, `{"userId":null,"videoId":"v"}`},
		{"User", &viewingv1.VideoViewed{UserId: wrapperspb.String("u"), VideoId: "v"}, `{"userId":"u","videoId":"v"}`},
		{"Zero", &subscriberpositionv1.Read{}, `{"messageId":"","position":0}`},
		{"Largest", &subscriberpositionv1.Read{Position: math.MaxInt64}, `{"messageId":"","position":9223372036854775807}`},
		{"Smallest", &subscriberpositionv1.Read{Position: math.MinInt64}, `{"messageId":"","position":-9223372036854775808}`},
		{"Digits", &subscriberpositionv1.Read{MessageId: "123"}, `{"messageId":"123","position":0}`},
		{"Text", &viewingv1.VideoViewed{VideoId: "<&>\"\u2028ü"}, `{"userId":null,"videoId":"<&>\" ü"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := contract.Marshal(test.message)
			if err != nil || got != test.want {
				t.Errorf("Marshal = %s, %v, want %s", got, err, test.want)
			}
			back := test.message.ProtoReflect().New().Interface()
			if err := contract.Unmarshal(got, back); err != nil || !proto.Equal(back, test.message) {
				t.Errorf("Unmarshal(%s) = %v, %v, want %v", got, back, err, test.message)
			}
		})
	}
}

func TestMarshal_NotUTF8(t *testing.T) {
	if got, err := contract.Marshal(&viewingv1.VideoViewed{VideoId: "\xff"}); err == nil {
		t.Errorf("Marshal = %s, want an error", got)
	}
}

// TestMarshal_Nested marshals every place where a 64-bit integer can stand. No
// contract has them all, so the test makes one.
func TestMarshal_Nested(t *testing.T) {
	const all = `{
		"single": "9007199254740993", "unsigned": "18446744073709551615", "small": 7, "text": "8",
		"list": ["1", "2"], "map": {"10": "11"}, "wrapped": "12",
		"struct": {"single": "13"}, "time": "2026-01-02T03:04:05Z",
		"child": {"single": "14", "list": []}, "children": [{"single": "15"}], "byName": {"a": {"single": "16"}}}`
	message := dynamicpb.NewMessage(everything(t))
	if err := protojson.Unmarshal([]byte(all), message); err != nil {
		t.Fatal(err)
	}
	got, err := contract.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"single":9007199254740993`, `"unsigned":18446744073709551615`, `"small":7`, `"text":"8"`,
		`"list":[1,2]`, `"map":{"10":11}`, `"wrapped":12`,
		`"struct":{"single":"13"}`, `"time":"2026-01-02T03:04:05Z"`,
		`"single":14`, `"children":[{`, `"single":15`, `"byName":{"a":{`, `"single":16`, `"child":null`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("Marshal = %s, want %s in it", got, want)
		}
	}
	back := dynamicpb.NewMessage(message.Descriptor())
	if err := contract.Unmarshal(got, back); err != nil || !proto.Equal(back, message) {
		t.Errorf("Unmarshal = %v, %v, want %v", back, err, message)
	}
}

func TestUnmarshal(t *testing.T) {
	for _, test := range []struct {
		name, data string
		want       proto.Message
	}{
		// The original system leaves out what JavaScript has as undefined.
		{"OriginalAnonymous", `{"videoId": "v"}`, &viewingv1.VideoViewed{VideoId: "v"}},
		{"OriginalNull", `{"userId": null, "videoId": "v"}`, &viewingv1.VideoViewed{VideoId: "v"}},
		{"OriginalUser", `{"userId": "u", "videoId": "v"}`, &viewingv1.VideoViewed{UserId: wrapperspb.String("u"), VideoId: "v"}},
		{"OriginalRead", `{"position": 9007199254740993}`, &subscriberpositionv1.Read{Position: 9007199254740993}},
		{"NumberAsString", `{"position": "12"}`, &subscriberpositionv1.Read{Position: 12}},
		{"JSONBNumber", `{"position": 12.0}`, &subscriberpositionv1.Read{Position: 12}},
		{"UnknownKeys", `{"position": 1, "later": {"a": [1e300]}}`, &subscriberpositionv1.Read{Position: 1}},
		{"NullString", `{"videoId": null}`, &viewingv1.VideoViewed{}},
		{"Empty", `{}`, &viewingv1.VideoViewed{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.want.ProtoReflect().New().Interface()
			if err := contract.Unmarshal(test.data, got); err != nil || !proto.Equal(got, test.want) {
				t.Errorf("Unmarshal(%s) = %v, %v, want %v", test.data, got, err, test.want)
			}
		})
	}
}

func TestUnmarshal_Refuses(t *testing.T) {
	for _, data := range []string{
		``, `null`, `[]`, `"text"`, `{"position": 1.5}`, `{"position": 9223372036854775808}`, `{"position": "x"}`,
		`{"position": {}}`, `{"messageId": 1}`,
	} {
		if err := contract.Unmarshal(data, &subscriberpositionv1.Read{}); err == nil {
			t.Errorf("Unmarshal(%q) = nil, want an error", data)
		}
	}
}

func everything(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	type (
		field = descriptorpb.FieldDescriptorProto
		kind  = descriptorpb.FieldDescriptorProto_Type
	)
	entry := func(name string, key, value *field) *descriptorpb.DescriptorProto {
		key.Name, key.JsonName, key.Number = proto.String("key"), proto.String("key"), proto.Int32(1)
		value.Name, value.JsonName, value.Number = proto.String("value"), proto.String("value"), proto.Int32(2)
		return &descriptorpb.DescriptorProto{
			Name: proto.String(name), Field: []*field{key, value},
			Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
		}
	}
	of := func(k kind, typeName string) *field {
		f := &field{Type: k.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		if typeName != "" {
			f.TypeName = proto.String(typeName)
		}
		return f
	}
	const message = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	int64Kind, stringKind := descriptorpb.FieldDescriptorProto_TYPE_INT64, descriptorpb.FieldDescriptorProto_TYPE_STRING
	everything := &descriptorpb.DescriptorProto{
		Name: proto.String("Everything"),
		NestedType: []*descriptorpb.DescriptorProto{
			entry("MapEntry", of(int64Kind, ""), of(int64Kind, "")),
			entry("ByNameEntry", of(stringKind, ""), of(message, ".test.Everything")),
		},
	}
	add := func(name, jsonName string, repeated bool, f *field) {
		f.Name, f.JsonName, f.Number = proto.String(name), proto.String(jsonName), proto.Int32(int32(len(everything.Field)+1))
		if repeated {
			f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}
		everything.Field = append(everything.Field, f)
	}
	add("single", "single", false, of(int64Kind, ""))
	add("unsigned", "unsigned", false, of(descriptorpb.FieldDescriptorProto_TYPE_UINT64, ""))
	add("small", "small", false, of(descriptorpb.FieldDescriptorProto_TYPE_INT32, ""))
	add("text", "text", false, of(stringKind, ""))
	add("list", "list", true, of(int64Kind, ""))
	add("map", "map", true, of(message, ".test.Everything.MapEntry"))
	add("wrapped", "wrapped", false, of(message, ".google.protobuf.Int64Value"))
	add("struct", "struct", false, of(message, ".google.protobuf.Struct"))
	add("time", "time", false, of(message, ".google.protobuf.Timestamp"))
	add("child", "child", false, of(message, ".test.Everything"))
	add("children", "children", true, of(message, ".test.Everything"))
	add("by_name", "byName", true, of(message, ".test.Everything.ByNameEntry"))
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("test.proto"), Package: proto.String("test"), Syntax: proto.String("proto3"),
		Dependency:  []string{"google/protobuf/wrappers.proto", "google/protobuf/struct.proto", "google/protobuf/timestamp.proto"},
		MessageType: []*descriptorpb.DescriptorProto{everything},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().Get(0)
}
