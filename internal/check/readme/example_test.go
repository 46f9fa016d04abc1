//go:build readme

package readme_test

import (
	"context"
	"fmt"
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
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	commentv1 "videotutorials/proto/comment/v1"
	"videotutorials/viewdata"
)

// TestComments runs the README's component and aggregator, each message
// delivered twice: a refused comment is refused once, one that was written is
// written and shown once.
func TestComments(t *testing.T) {
	store := twice{teststore.New(t)}
	url := testdb.New(t, "view_data", viewdata.Migrate)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	component, err := components.New(store, nil, log, comment.Consumers()...)
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
	defer running(t, component.Run)()
	defer running(t, aggregator.Run)()

	first, second := uuid.NewString(), uuid.NewString()
	for _, m := range []*commentv1.WriteComment{
		{CommentId: "undefined", Text: "skipped"},
		{CommentId: first, VideoId: "v", Text: " "},
		{CommentId: first, VideoId: "v", Text: "good"},
		{CommentId: first, VideoId: "v", Text: "written already"},
		{CommentId: second, VideoId: "v", Text: "bad"},
	} {
		write(t, store, m)
	}
	shown := rows(t, url, 2)
	if want := []string{"bad", "good"}; !slices.Equal(shown, want) {
		t.Errorf("shown are %q, want %q", shown, want)
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
		t.Errorf("stored are %q, want %q", types, want)
	}
}

// running starts what runs, and returns what ends it and waits.
func running(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func write(t *testing.T, store messagestore.Store, m *commentv1.WriteComment) {
	t.Helper()
	data, err := contract.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	message := messagestore.NewMessage{ID: uuid.NewString(), Type: contract.Type(m), Data: data}
	if _, err := store.Write(t.Context(), contract.Category(m).Stream(m.GetCommentId()), messagestore.Any, message); err != nil {
		t.Fatal(err)
	}
}

// rows returns the texts of the comments when there are n, looking each time that
// there is another one.
func rows(t *testing.T, url string, n int) (texts []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range []string{
		`create function shown() returns trigger language plpgsql as $$ begin perform pg_notify('shown', ''); return null; end $$`,
		`create trigger shown after insert on video_comments execute function shown()`,
		`listen shown`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for {
		answer, _ := conn.Query(t.Context(), "select text from video_comments order by text")
		if texts, err = pgx.CollectRows(answer, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
		if len(texts) >= n {
			return texts
		}
		if _, err := conn.WaitForNotification(t.Context()); err != nil {
			t.Fatal(fmt.Errorf("%d of %d comments are shown: %w", len(texts), n, err))
		}
	}
}

// A twice store delivers each message twice.
type twice struct{ messagestore.Store }

func (s twice) Subscribe(ctx context.Context, subscription messagestore.Subscription) iter.Seq2[messagestore.Event, error] {
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
