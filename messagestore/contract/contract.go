// Package contract turns the messages of the contracts (viewing.v1, …) into the
// JSON that is stored, and back, and tells what the contracts say of them: the
// type, the category and its owner. No other package names a type or a category
// by a string.
package contract

import (
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

// A Kind is a type of message and the category whose streams hold it.
type Kind struct {
	Category messagestore.Category
	Type     string
}

// KindOf returns the kind of the stored messages that m is the contract of. Nil
// of the type will do for m. It panics like Category.
func KindOf(m proto.Message) Kind {
	return Kind{Category(m), Type(m)}
}

// Type returns the type of m in the store: its unqualified proto name, as
// "VideoViewed".
func Type(m proto.Message) string {
	return string(m.ProtoReflect().Descriptor().Name())
}

// Category returns the category of the streams that hold m. It panics if m is no
// contract, that is, if its proto lacks the option messagestore.v1.category.
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

// categories are those of the descriptors that were asked for: an option is slow to
// read.
var categories sync.Map

// A Declaration is what a contract says of a category. Principals are the paths of
// their SPIFFE IDs, as "component/identity".
type Declaration struct {
	Category messagestore.Category
	// Owner is "" where nobody alone owns the category.
	Owner string
	// Readers is empty where everybody may read it.
	Readers []string
}

// Declarations returns every category that the contracts linked into the program
// declare, by name.
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
