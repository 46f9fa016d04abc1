package messagestore

import (
	"context"
	"iter"
	"time"
)

// A Store appends messages to streams and reads them back. All its methods may
// be called at the same time.
//
// Besides the errors that the methods name, all may return an
// *UnavailableError, an *ExhaustedError, ErrUnauthenticated, ErrInternal, or the
// context's error. After the context's error or an *UnavailableError the outcome
// of a write is unknown; repeating it with the same ids is safe.
type Store interface {
	// Write appends messages to the stream as one unit and returns the place of
	// the last of them. When it returns without an error they are on disk.
	//
	// It returns an *InvalidError that names every violation, an
	// *IDConflictError if one of the ids is stored with other content or in
	// other company, a *NotOwnerError if the category is another's, and a
	// *VersionConflictError if the stream is not as expected says; checked in
	// this order. Writing the same messages again succeeds, for ever, and
	// returns the first place.
	Write(ctx context.Context, stream Stream, expected Version, messages ...NewMessage) (Written, error)

	// WriteBatch appends the messages of all writes, next to each other in the
	// global order, or none. Writes to one stream see each other in order. It
	// returns a Written for each Write; its errors are those of Write.
	WriteBatch(ctx context.Context, writes ...Write) ([]Written, error)

	// Read yields the messages that were stored when it began, in order, and
	// ends. It yields one error at the most, as its last: an *InvalidError, a
	// *NotReaderError.
	Read(ctx context.Context, request ReadRequest) iter.Seq2[Message, error]

	// Subscribe yields the messages of a source for ever, first those that are
	// stored, then each as it is stored: none is skipped, repeated or reordered.
	// Its first event is Started; while nothing else comes, Progress does, each
	// heartbeat interval. It ends with an error, always: an *InvalidError, a
	// *NotReaderError, an *AheadError, a *DivergedError, or one after which
	// consumer.Follow subscribes again.
	Subscribe(ctx context.Context, subscription Subscription) iter.Seq2[Event, error]

	// Message returns the message with that id, or ErrNotFound, or an
	// *InvalidError, or a *NotReaderError.
	Message(ctx context.Context, id string) (Message, error)

	// Last returns the last message of the stream, of that type unless it is "",
	// or ErrNotFound, or an *InvalidError, or a *NotReaderError.
	Last(ctx context.Context, stream Stream, messageType string) (Message, error)

	// Streams returns a page of streams, or an *InvalidError, or a
	// *NotReaderError.
	Streams(ctx context.Context, request ListRequest) (StreamPage, error)

	// Categories returns a page of categories, or an *InvalidError.
	Categories(ctx context.Context, request ListRequest) (CategoryPage, error)

	// TransferOwnership gives the category to the principal, and returns who
	// owned it before, "" for nobody. The log keeps it: it is a message in
	// `ownership-<category>`, unless the principal is the owner already. Its
	// errors are an *InvalidError, and a *NotOperatorError.
	TransferOwnership(ctx context.Context, category Category, to Principal) (from Principal, err error)

	// Status returns the end of the log.
	Status(ctx context.Context) (Status, error)
}

// Status is the state of a store.
type Status struct {
	// Head is the place of the last message.
	Head Place
	// Version is the version of the server.
	Version string
}

// A ReadRequest says what to read.
type ReadRequest struct {
	Source Source
	// From is the first position to look at, inclusive. Nil: the first in the
	// direction of reading.
	From *int64
	// Backward reads newest first.
	Backward bool
	// Limit bounds the number of messages. 0: no limit.
	Limit  int64
	Filter Filter
}

// A Subscription says what to follow, and from where.
type Subscription struct {
	Source Source
	// From is the first position to look at, inclusive. 0: the first.
	From int64
	// After is the place handled last, to resume after it, instead of From.
	After  *Place
	Filter Filter
}

// An Event is what a subscription yields: Started, Messages, CaughtUp, Progress.
type Event interface{ event() }

// Started is the first event of a subscription.
type Started struct {
	// HeartbeatInterval: some event comes at least this often.
	HeartbeatInterval time.Duration
	// HeadPosition is the end of the log now, in the positions of the source.
	HeadPosition int64
}

// Messages are the next messages, at least one, in order.
type Messages []Message

// CaughtUp says that all that was stored is delivered, up to and including its
// place. It comes the first time, and again each time after the subscriber had
// fallen so far behind that it was served from disk.
type CaughtUp struct{ Place Place }

// Progress says that all up to and including its place was delivered or skipped.
type Progress struct{ Place Place }

func (Started) event()  {}
func (Messages) event() {}
func (CaughtUp) event() {}
func (Progress) event() {}
