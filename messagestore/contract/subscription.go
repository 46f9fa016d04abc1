package contract

import (
	"fmt"
	"maps"
	"slices"

	"videotutorials/messagestore"
)

// Subscription returns the subscription that yields messages of the kinds: all
// their categories as one source with one order, only their types. A message
// whose type is one of the kinds' and whose category is another's comes too. It
// returns an error if there is no kind, or one twice.
func Subscription(kinds []Kind) (messagestore.Subscription, error) {
	if len(kinds) == 0 {
		return messagestore.Subscription{}, fmt.Errorf("there is no handler")
	}
	seen := map[Kind]bool{}
	categories := map[messagestore.Category]bool{}
	types := map[string]bool{}
	for _, kind := range kinds {
		if seen[kind] {
			return messagestore.Subscription{}, fmt.Errorf("%s of %s has two handlers", kind.Type, kind.Category)
		}
		seen[kind], categories[kind.Category], types[kind.Type] = true, true, true
	}
	return messagestore.Subscription{
		Source: messagestore.OfCategories(slices.Sorted(maps.Keys(categories))...),
		Filter: messagestore.Filter{Types: slices.Sorted(maps.Keys(types))},
	}, nil
}
