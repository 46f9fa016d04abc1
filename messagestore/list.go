package messagestore

import "time"

// A ListRequest asks for a page of a list, which is by name.
type ListRequest struct {
	// Category, unless "", is the only one.
	Category Category
	// Size is how many are wanted at most: up to 1,000. Defaults to 50.
	Size int
	// Token is Next of the page before. "": the first page.
	Token string
}

// A StreamInfo is what is known of a stream.
type StreamInfo struct {
	Stream Stream
	// Messages is how many it has, LastPosition and LastTime are of the last.
	Messages, LastPosition int64
	LastTime               time.Time
}

// A StreamPage is the next streams of a list.
type StreamPage struct {
	Streams []StreamInfo
	// Next is the token of the next page. "": there is none.
	Next string
}

// A CategoryInfo is what is known of a category.
type CategoryInfo struct {
	Category Category
	// Owner alone appends to it. "": nobody alone does.
	Owner Principal
	// Streams is how many streams it has, Messages how many messages they have.
	Streams, Messages int64
}

// A CategoryPage is the next categories of a list.
type CategoryPage struct {
	Categories []CategoryInfo
	// Next is the token of the next page. "": there is none.
	Next string
}
