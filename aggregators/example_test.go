package aggregators_test

import (
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/internal/test/example"
	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	viewingv1 "videotutorials/proto/viewing/v1"
	"videotutorials/viewdata"
)

// viewings is an aggregator that counts the viewings of each video.
var viewings = aggregators.Aggregator{
	ID:       "aggregators:viewings",
	Tables:   []string{"viewings"},
	Handlers: aggregators.Handlers{aggregators.On(videoViewed)},
}

func videoViewed(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
	return aggregators.ForEntity(m, `
		insert into viewings as v (video_id, times)
		values ($1, 1)
		on conflict (video_id) do update set times = v.times + 1`)
}

// Example runs an aggregator until it has counted two viewings of a video.
func Example() {
	t := example.New()
	defer t.Close()
	ctx := t.Context()
	store := teststore.New(t) // a program uses rpc.Dial
	url := testdb.New(t, "view_data", viewdata.Migrate)
	createViewings(t, url) // a migration in viewdata/migrations

	db, err := viewdata.Open(ctx, url, viewdata.Writer)
	if err != nil {
		panic(err)
	}
	defer db.Close()
	runner, err := aggregators.New(store, db, nil, slog.New(slog.DiscardHandler), viewings)
	if err != nil {
		panic(err)
	}
	stop := running.Start(t, runner.Run)
	defer stop()

	const video = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	for range 2 {
		event := messagestore.NewMessage{ID: uuid.NewString(), Type: "VideoViewed", Data: `{"videoId": "` + video + `"}`}
		if _, err := store.Write(ctx, "viewing-"+video, messagestore.Any, event); err != nil {
			panic(err)
		}
	}
	// View Data follows the log with a short delay.
	var times int
	running.Until(t, "two viewings", func() bool {
		err := db.QueryRow(ctx, "select coalesce(max(times), 0) from viewings where video_id = $1", video).Scan(&times)
		return err == nil && times == 2
	})
	fmt.Println("viewings:", times)
	// Output: viewings: 2
}
