package messagestore

import (
	"context"
	"iter"
	"time"
)

// A Store appends messages to streams and reads them back. Its methods are safe
// for concurrent use.
//
// All methods may return an *UnavailableError, an *ExhaustedError,
// ErrUnauthenticated, ErrInternal or the error of the context, and an
// *InvalidError that lists every violation of the request. After an
// *UnavailableError or an error of the context the outcome of a write is unknown;
// repeating it with the same ids is safe.
type Store interface {
	// Write appends messages to the stream as one unit and returns the position of
	// the last one. The messages are on disk when it returns nil.
	//
	// It returns, checked in this order, an *IDConflictError if one of the ids is
	// stored with other content or by a different write, a *NotOwnerError if the
	// caller does not own the category, and a *VersionConflictError if the stream
	// has not the expected version. Repeating a write always succeeds and returns
	// the first result.
	Write(ctx context.Context, stream Stream, expected Version, messages ...NewMessage) (Written, error)

	// WriteBatch appends the messages of all writes as one unit, adjacent in the
	// global order. Several writes to one stream see each other in order. It
	// returns a Written for each Write. Its errors are those of Write.
	WriteBatch(ctx context.Context, writes ...Write) ([]Written, error)

	// Read yields the messages that were stored when it began, in order. An error,
	// such as a *NotReaderError, is its last value.
	Read(ctx context.Context, request ReadRequest) iter.Seq2[Message, error]

	// Subscribe yields the stored messages of a source and then each new one as it
	// is stored, in order, each once. Its first event is Started. While there is
	// no other event it yields Progress at each heartbeat interval. It always ends
	// with an error: a *NotReaderError, an *AheadError, a *DivergedError, or one
	// after which consumer.Follow subscribes again.
	Subscribe(ctx context.Context, subscription Subscription) iter.Seq2[Event, error]

	// Message returns the message with the id. Errors: ErrNotFound, a
	// *NotReaderError.
	Message(ctx context.Context, id string) (Message, error)

	// Last returns the last message of the stream or, unless messageType is "", the
	// last one of that type. Errors: ErrNotFound, a *NotReaderError.
	Last(ctx context.Context, stream Stream, messageType string) (Message, error)

	// Streams returns a page of streams in the order of their names. Errors: a
	// *NotReaderError.
	Streams(ctx context.Context, request ListRequest) (StreamPage, error)

	// Categories returns a page of categories in the order of their names.
	Categories(ctx context.Context, request ListRequest) (CategoryPage, error)

	// TransferOwnership makes the principal the owner of the category and returns
	// the previous owner, or "". The transfer is recorded in the stream
	// `ownership-<category>`, unless the principal is already the owner. Errors: a
	// *NotOperatorError.
	TransferOwnership(ctx context.Context, category Category, to Principal) (from Principal, err error)

	// Status returns the head of the log and the version of the server.
	Status(ctx context.Context) (Status, error)
}

// Status is the state of a store.
type Status struct {
	// Head is the place of the last message.
	Head Place
	// Version is the version of the server.
	Version string
}

// A ReadRequest selects messages to read.
type ReadRequest struct {
	Source Source
	// From is the first position, inclusive. Nil means the first in the direction
	// of reading.
	From *int64
	// Backward reads the newest message first.
	Backward bool
	// Limit bounds the number of messages. 0 means no limit.
	Limit  int64
	Filter Filter
}

// A Subscription selects messages to subscribe to.
type Subscription struct {
	Source Source
	// From is the first position, inclusive. 0 means the first message.
	From int64
	// After, if not nil, replaces From: the subscription resumes after this place.
	After  *Place
	Filter Filter
}

// An Event is an event of a subscription: Started, Messages, CaughtUp or Progress.
type Event interface{ event() }

// Started is the first event of a subscription.
type Started struct {
	// HeartbeatInterval is the longest time between two events.
	HeartbeatInterval time.Duration
	// HeadPosition is the current head of the log, in positions of the source.
	HeadPosition int64
}

// Messages are the next messages in order, at least one.
type Messages []Message

// CaughtUp means that all stored messages up to and including the place are
// delivered. It is sent the first time, and again each time a slow subscription
// has been served from disk in between.
type CaughtUp struct{ Place Place }

// Progress means that all messages up to and including the place are delivered or
// skipped by the filter.
type Progress struct{ Place Place }

func (Started) event()  {}
func (Messages) event() {}
func (CaughtUp) event() {}
func (Progress) event() {}

// A ListRequest selects a page of a list.
type ListRequest struct {
	// Category, if not "", limits the list to one category.
	Category Category
	// Size is the maximal number of items, up to 1,000. Defaults to 50.
	Size int
	// Token is the Next token of the previous page. "" means the first page.
	Token string
}

// A StreamInfo describes a stream.
type StreamInfo struct {
	Stream Stream
	// Messages is the number of messages. LastPosition and LastTime are those of
	// the last one.
	Messages, LastPosition int64
	LastTime               time.Time
}

// A StreamPage is a page of streams.
type StreamPage struct {
	Streams []StreamInfo
	// Next is the token of the next page. "" means that this is the last page.
	Next string
}

// A CategoryInfo describes a category.
type CategoryInfo struct {
	Category Category
	// Owner is the only principal that may append. "" means that there is none.
	Owner Principal
	// Streams is the number of streams, Messages the number of their messages.
	Streams, Messages int64
}

// A CategoryPage is a page of categories.
type CategoryPage struct {
	Categories []CategoryInfo
	// Next is the token of the next page. "" means that this is the last page.
	Next string
}
