//go:build tutorial

package tutorial_test

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/aggregators"
	"videotutorials/aggregators/videocomments"
	"videotutorials/components"
	"videotutorials/components/comment"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	commentv1 "videotutorials/proto/comment/v1"
	"videotutorials/viewdata"
)

// TestComments runs the tutorial's component and aggregator with every message
// delivered twice. Each command must be answered once, and each written comment
// must have one row.
func TestComments(t *testing.T) {
	store := duplicating{teststore.New(t)}
	url := testdb.New(t, "view_data", viewdata.Migrate)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	consumers, err := comment.Component().Consumers(components.Process{})
	if err != nil {
		t.Fatal(err)
	}
	component, err := components.New(store, nil, log, consumers...)
	if err != nil {
		t.Fatal(err)
	}
	db, err := viewdata.Open(t.Context(), url, viewdata.Writer)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	aggregator, err := aggregators.New(store, db, nil, log, videocomments.Aggregator())
	if err != nil {
		t.Fatal(err)
	}
	defer running.Start(t, component.Run)()
	defer running.Start(t, aggregator.Run)()

	first, second := uuid.NewString(), uuid.NewString()
	for _, m := range []*commentv1.WriteComment{
		{CommentId: "undefined", Text: "skipped"},
		{CommentId: first, VideoId: "v", Text: " "},
		{CommentId: first, VideoId: "v", Text: "good"},
		{CommentId: first, VideoId: "v", Text: "written already"},
		{CommentId: second, VideoId: "v", Text: "bad"},
	} {
		data, err := contract.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		message := messagestore.NewMessage{ID: uuid.NewString(), Type: contract.Type(m), Data: data}
		if _, err := store.Write(t.Context(), contract.Category(m).Stream(m.GetCommentId()), messagestore.Any, message); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var texts []string
	running.Until(t, "the rows of both comments", func() bool {
		rows, _ := conn.Query(t.Context(), "select text from video_comments order by text")
		if texts, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
		return len(texts) >= 2
	})
	if want := []string{"bad", "good"}; !slices.Equal(texts, want) {
		t.Errorf("texts of the rows are %q, want %q", texts, want)
	}
	var types []string
	for m, err := range store.Read(t.Context(), messagestore.ReadRequest{Source: messagestore.OfCategories("comment")}) {
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, m.Type)
	}
	slices.Sort(types)
	if want := []string{"CommentRejected", "CommentWritten", "CommentWritten"}; !slices.Equal(types, want) {
		t.Errorf("stored events are %q, want %q", types, want)
	}
}

// duplicating is a store whose subscriptions deliver each message twice.
type duplicating struct{ messagestore.Store }

func (s duplicating) Subscribe(ctx context.Context, subscription messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
	return func(yield func(messagestore.Event, error) bool) {
		for event, err := range s.Store.Subscribe(ctx, subscription) {
			if messages, ok := event.(messagestore.Messages); ok {
				var doubled messagestore.Messages
				for _, m := range messages {
					doubled = append(doubled, m, m)
				}
				event = doubled
			}
			if !yield(event, err) {
				return
			}
		}
	}
}
