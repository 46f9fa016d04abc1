package aggregators_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/aggregators/adminmessages"
	"videotutorials/aggregators/adminstreams"
	"videotutorials/aggregators/creatorsvideos"
	"videotutorials/aggregators/homepage"
	"videotutorials/internal/test/testdb"
	"videotutorials/messagestore"
	viewingv1 "videotutorials/proto/viewing/v1"
	"videotutorials/viewdata"
)

// plain is the aggregator homepage with one statement per viewing.
func plain() aggregators.Aggregator {
	return aggregators.Aggregator{
		ID: "test", Init: homepage.Aggregator().Init,
		Handlers: aggregators.Handlers{aggregators.On(func(_ *viewingv1.VideoViewed, m messagestore.Message) aggregators.Statement {
			return aggregators.ForEntity(m, `
				with page as (
					update pages
					set page_data = jsonb_build_object(
						'videosWatched', (page_data->>'videosWatched')::bigint + 1,
						'lastViewProcessed', $2::bigint)
					where page_name = 'home'
				)
				insert into home_videos as v (video_id, views)
				values ($1, 1)
				on conflict (video_id) do update set views = v.views + 1`, m.GlobalPosition)
		})},
	}
}

// BenchmarkApplier_Handle is the base for batchSize. It measures the time for a
// viewing in transactions of several sizes, with plain and with merged statements.
// All viewings are of one video, so that they update the same rows.
func BenchmarkApplier_Handle(b *testing.B) {
	for _, a := range []struct {
		name       string
		aggregator aggregators.Aggregator
	}{
		{"Plain", plain()}, {"HomePage", homepage.Aggregator()}, {"CreatorsVideos", creatorsvideos.Aggregator()},
		{"AdminStreams", adminstreams.Aggregator()}, {"AdminMessages", adminmessages.Aggregator()},
	} {
		for _, size := range []int{1, 10, 100, 200, 500, 1000} {
			b.Run(fmt.Sprint(a.name, "/", size), func(b *testing.B) {
				db, err := viewdata.Open(b.Context(), testdb.New(b, "view_data", viewdata.Migrate), viewdata.Writer)
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				h, disconnect := aggregators.NewBatchHandler(a.aggregator, db, slog.New(slog.DiscardHandler))
				defer disconnect()
				if _, err := h.Place(b.Context()); err != nil {
					b.Fatal(err)
				}
				video, position := messagestore.Category("viewing").Stream(film), int64(0)
				messages := make([]messagestore.Message, size)
				for b.Loop() {
					for i := range messages {
						position++
						messages[i] = messagestore.Message{
							ID: uuid.NewString(), Stream: video, Type: "VideoViewed", Data: `{"userId": null, "videoId": "` + film + `"}`,
							Metadata: trace(one, ada), Position: position, GlobalPosition: position, Time: time.Now(),
						}
					}
					if _, err := h.Handle(b.Context(), messages); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(position), "us/message")
			})
		}
	}
}
