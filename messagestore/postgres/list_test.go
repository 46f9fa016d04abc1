package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

func TestStreams(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	for _, s := range []messagestore.Stream{"b-2", "a-1", "a.b-1", "a-2", "b-1", "a-2", "a:command-1", "A-1"} {
		write(t, store, s, newMessage("Happened"))
	}
	list := func(category messagestore.Category, size int) (names []string, pages int) {
		request := messagestore.ListRequest{Category: category, Size: size}
		for {
			page, err := store.Streams(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, s := range page.Streams {
				names = append(names, fmt.Sprintf("%s %d %d", s.Stream, s.Messages, s.LastPosition))
				last, err := store.Last(t.Context(), s.Stream, "")
				if err != nil || !s.LastTime.Equal(last.Time) {
					t.Errorf("%s: %v %v, want %v", s.Stream, s.LastTime, err, last.Time)
				}
			}
			if request.Token = page.Next; page.Next == "" {
				return names, pages
			}
		}
	}
	all := []string{"A-1 1 0", "a-1 1 0", "a-2 2 1", "a.b-1 1 0", "a:command-1 1 0", "b-1 1 0", "b-2 1 0"}
	for _, test := range []struct {
		category    messagestore.Category
		size, pages int
		want        []string
	}{
		{"", 0, 1, all}, {"", 7, 1, all}, {"", 3, 3, all}, {"", 1, 7, all},
		{"a", 1, 2, all[1:3]}, {"a.b", 0, 1, all[3:4]}, {"a:command", 0, 1, all[4:5]}, {"b", 2, 1, all[5:]}, {"c", 0, 1, nil},
	} {
		if got, pages := list(test.category, test.size); !slices.Equal(got, test.want) || pages != test.pages {
			t.Errorf("%q by %d: %q in %d pages, want %q in %d", test.category, test.size, got, pages, test.want, test.pages)
		}
	}
}

func TestList_Wrong(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	for field, request := range map[string]messagestore.ListRequest{
		"category": {Category: "a-b"}, "page_size": {Size: 1001}, "page_token": {Token: "?"},
	} {
		_, streams := store.Streams(t.Context(), request)
		_, categories := store.Categories(t.Context(), request)
		for _, err := range []error{streams, categories} {
			var invalid *messagestore.InvalidError
			if !errors.As(err, &invalid) || len(invalid.Violations) != 1 || invalid.Violations[0].Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	}
}

// TestCategories checks the counts before, during and after the runs of the counter.
func TestCategories(t *testing.T) {
	t.Parallel()
	store, url := teststore.Open(t)
	super := connect(t, url)
	for _, s := range []messagestore.Stream{"b-2", "a-1", "a-2", "b-1", "a-2", "a:command-1"} {
		write(t, store, s, newMessage("Happened"))
	}
	want := []messagestore.CategoryInfo{
		{Category: "a", Streams: 2, Messages: 3}, {Category: "a:command", Streams: 1, Messages: 1}, {Category: "b", Streams: 2, Messages: 2},
	}
	check := func() {
		t.Helper()
		page, err := store.Categories(t.Context(), messagestore.ListRequest{})
		if err != nil || !slices.Equal(page.Categories, want) || page.Next != "" {
			t.Errorf("%+v %v, want %+v", page, err, want)
		}
		first, err := store.Categories(t.Context(), messagestore.ListRequest{Size: 1})
		if err != nil || !slices.Equal(first.Categories, want[:1]) {
			t.Errorf("%+v %v, want %+v", first, err, want[:1])
		}
		rest, err := store.Categories(t.Context(), messagestore.ListRequest{Token: first.Next})
		if err != nil || !slices.Equal(rest.Categories, want[1:]) || rest.Next != "" {
			t.Errorf("%+v %v, want %+v", rest, err, want[1:])
		}
		one, err := store.Categories(t.Context(), messagestore.ListRequest{Category: "b"})
		if err != nil || !slices.Equal(one.Categories, want[2:]) {
			t.Errorf("%+v %v, want %+v", one, err, want[2:])
		}
	}
	check()
	for range 4 {
		exec(t, super, "select message_store.count_messages(2)")
		check()
	}
	write(t, store, "a-3", newMessage("Happened"))
	want[0] = messagestore.CategoryInfo{Category: "a", Streams: 3, Messages: 4}
	check()
}
