package contract_test

import (
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	_ "videotutorials/proto/identity/v1"
	messagestorev1 "videotutorials/proto/messagestore/v1"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

func TestKindOf(t *testing.T) {
	for _, test := range []struct {
		message proto.Message
		want    contract.Kind
	}{
		{&viewingv1.VideoViewed{}, contract.Kind{Category: "viewing", Type: "VideoViewed"}},
		{(*viewingv1.VideoViewed)(nil), contract.Kind{Category: "viewing", Type: "VideoViewed"}},
		{&subscriberpositionv1.Read{}, contract.Kind{Category: "subscriberPosition", Type: "Read"}},
	} {
		if got := contract.KindOf(test.message); got != test.want {
			t.Errorf("KindOf(%T) = %v, want %v", test.message, got, test.want)
		}
	}
}

func TestCategory_NoContract(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Category of a message without the option did not panic")
		}
	}()
	contract.Category(&messagestorev1.All{})
}

func TestDeclarations(t *testing.T) {
	want := []contract.Declaration{
		{Category: "identity", Owner: "component/identity", Readers: []string{"component/identity"}},
		{Category: "subscriberPosition"},
		{Category: "viewing", Owner: "application"},
	}
	got := slices.DeleteFunc(contract.Declarations(), func(d contract.Declaration) bool {
		return d.Category == "emailAddress" || d.Category == "identity:command"
	})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Declarations() = %v, want %v", got, want)
	}
}

// TestContracts holds the protos to their own rules: a category is declared
// once, and every message's category is declared.
func TestContracts(t *testing.T) {
	var declared, used []string
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		owned, _ := proto.GetExtension(file.Options(), messagestorev1.E_OwnedCategories).([]*messagestorev1.OwnedCategory)
		for _, c := range owned {
			declared = append(declared, c.GetName())
		}
		for i := range file.Messages().Len() {
			category, _ := proto.GetExtension(file.Messages().Get(i).Options(), messagestorev1.E_Category).(string)
			if category != "" {
				used = append(used, category)
			}
		}
		return true
	})
	slices.Sort(declared)
	if once := slices.Compact(slices.Clone(declared)); len(once) != len(declared) {
		t.Errorf("declared %v, each should be once", declared)
	}
	for _, category := range used {
		if !slices.Contains(declared, category) {
			t.Errorf("category %s is used and not declared", category)
		}
		if err := messagestore.Category(category).Check(); err != nil {
			t.Errorf("category: %v", err)
		}
	}
}

func TestSubscription(t *testing.T) {
	got, err := contract.Subscription([]contract.Kind{{Category: "b", Type: "Y"}, {Category: "a", Type: "Y"}, {Category: "b", Type: "X"}})
	want := messagestore.Subscription{
		Source: messagestore.OfCategories("a", "b"),
		Filter: messagestore.Filter{Types: []string{"X", "Y"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Subscription = %+v, %v, want %+v", got, err, want)
	}
	for _, kinds := range [][]contract.Kind{nil, {{Category: "a", Type: "X"}, {Category: "a", Type: "X"}}} {
		if got, err := contract.Subscription(kinds); err == nil {
			t.Errorf("Subscription(%v) = %+v, want an error", kinds, got)
		}
	}
}

func TestDecode(t *testing.T) {
	got, err := contract.Decode[*viewingv1.VideoViewed](messagestore.Message{Data: `{"videoId": "v"}`})
	if err != nil || got.GetVideoId() != "v" {
		t.Errorf("Decode = %v, %v, want video v", got, err)
	}
	if got, err := contract.Decode[*viewingv1.VideoViewed](messagestore.Message{Data: `{"videoId": 1}`}); err == nil {
		t.Errorf("Decode = %v, want an error", got)
	}
}
