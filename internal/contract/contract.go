// Package contract turns the messages of the contracts (viewing.v1, …) into the
// JSON that is stored, and back, and tells what the contracts say of them: the
// type, the category and its owner. No other package names a type or a category
// by a string.
package contract

import (
	"fmt"

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
	category, _ := proto.GetExtension(d.Options(), messagestorev1.E_Category).(string)
	if category == "" {
		panic(fmt.Sprintf("%s has no option messagestore.v1.category", d.FullName()))
	}
	return messagestore.Category(category)
}

// Owners returns every category that the contracts linked into the program
// declare, and the path of its owner's SPIFFE ID, as "component/identity". It is
// "" where nobody alone owns the category.
func Owners() map[messagestore.Category]string {
	owners := map[messagestore.Category]string{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		declared, _ := proto.GetExtension(file.Options(), messagestorev1.E_OwnedCategories).([]*messagestorev1.OwnedCategory)
		for _, c := range declared {
			owners[messagestore.Category(c.GetName())] = c.GetOwner()
		}
		return true
	})
	return owners
}
