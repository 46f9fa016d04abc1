// Package contract connects the Go types of the contracts (viewing.v1, identity.v1
// and others) with stored messages. It marshals them to the stored JSON and back,
// and returns what their protos declare: the message type, the category, its owner
// and its readers. Other packages need no strings for types and categories.
package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"videotutorials/messagestore"
	messagestorev1 "videotutorials/proto/messagestore/v1"
)

// A Kind is a message type and the category of its streams.
type Kind struct {
	Category messagestore.Category
	Type     string
}

// KindOf returns the kind of the messages with contract m, which may be a nil
// pointer. It panics if m is not a contract.
func KindOf(m proto.Message) Kind { return Kind{Category(m), Type(m)} }

// Type returns the message type of contract m: its unqualified proto name, such as
// "VideoViewed".
func Type(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

// Category returns the category of the streams with contract m. It panics if m is
// not a contract: its proto lacks the option messagestore.v1.category.
func Category(m proto.Message) messagestore.Category {
	d := m.ProtoReflect().Descriptor()
	if known, ok := categories.Load(d); ok {
		return known.(messagestore.Category)
	}
	category, _ := proto.GetExtension(d.Options(), messagestorev1.E_Category).(string)
	if category == "" {
		panic(fmt.Sprintf("%s has no option messagestore.v1.category", d.FullName()))
	}
	categories.Store(d, messagestore.Category(category))
	return messagestore.Category(category)
}

// categories caches the categories by descriptor, because reading an option is slow.
var categories sync.Map

// A Declaration is the declaration of a category in a contract. Principals are the
// paths of their SPIFFE IDs, such as "component/identity".
type Declaration struct {
	Category messagestore.Category `json:"category"`
	// Owner is "" if the category has no single owner.
	Owner string `json:"owner,omitempty"`
	// Readers is empty if every principal may read the category.
	Readers []string `json:"readers,omitempty"`
}

// Declarations returns the categories that the contracts linked into the program
// declare, sorted by name.
func Declarations() []Declaration {
	var all []Declaration
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		declared, _ := proto.GetExtension(file.Options(), messagestorev1.E_OwnedCategories).([]*messagestorev1.OwnedCategory)
		for _, c := range declared {
			all = append(all, Declaration{messagestore.Category(c.GetName()), c.GetOwner(), c.GetReaders()})
		}
		return true
	})
	slices.SortFunc(all, func(a, b Declaration) int { return strings.Compare(string(a.Category), string(b.Category)) })
	return all
}

// Subscription returns a subscription to the categories of the kinds, as one source
// with one order, filtered by their types. It also yields a message with the type of
// one kind in the category of another. It returns an error if kinds is empty or has
// a duplicate.
func Subscription(kinds []Kind) (messagestore.Subscription, error) {
	if len(kinds) == 0 {
		return messagestore.Subscription{}, errors.New("there is no handler")
	}
	var categories []messagestore.Category
	var types []string
	for i, kind := range kinds {
		if slices.Contains(kinds[:i], kind) {
			return messagestore.Subscription{}, fmt.Errorf("%s of %s has two handlers", kind.Type, kind.Category)
		}
		categories, types = append(categories, kind.Category), append(types, kind.Type)
	}
	slices.Sort(categories)
	slices.Sort(types)
	return messagestore.Subscription{
		Source: messagestore.OfCategories(slices.Compact(categories)...),
		Filter: messagestore.Filter{Types: slices.Compact(types)},
	}, nil
}
