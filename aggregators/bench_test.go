package aggregators

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"videotutorials/internal/contract"
	"videotutorials/internal/testdb"
	"videotutorials/messagestore"
	viewingv1 "videotutorials/proto/viewing/v1"
	"videotutorials/viewdata"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// BenchmarkFollower_Handle is why batch is what it is: the time for a message in
// transactions of several sizes, all of whose messages update the same two rows,
// as the viewings of one video do on the home page.
func BenchmarkFollower_Handle(b *testing.B) {
	for _, size := range []int{1, 10, 50, 100, 200, 500, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db, err := viewdata.Open(b.Context(), testdb.New(b, "view_data", viewdata.Migrate), viewdata.Writer)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			on := On(func(_ *viewingv1.VideoViewed, m messagestore.Message) Statement {
				return ForEntity(m, `with page as (update pages set page_data = jsonb_build_object('videosWatched',
						(page_data->>'videosWatched')::bigint + 1, 'lastViewProcessed', $2::bigint)
						where page_name = 'home')
					insert into home_videos as v (video_id, views) values ($1, 1)
					on conflict (video_id) do update set views = v.views + 1`, m.GlobalPosition)
			})
			f := &follower{
				aggregator: Aggregator{ID: "test", Init: `insert into pages values ('home', '{"videosWatched": 0}')`},
				handlers:   map[contract.Kind]Handler{on.kind: on}, db: db, log: slog.New(slog.DiscardHandler),
			}
			defer f.disconnect()
			if _, err := f.Place(context.Background()); err != nil {
				b.Fatal(err)
			}
			messages := make([]messagestore.Message, size)
			position, video := int64(0), messagestore.Category("viewing").Stream(uuid.NewString())
			for b.Loop() {
				for i := range messages {
					position++
					messages[i] = messagestore.Message{
						ID: uuid.NewString(), Stream: video, Type: "VideoViewed", Data: `{"videoId": "v"}`, GlobalPosition: position,
					}
				}
				if _, err := f.Handle(b.Context(), messages); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(position), "us/message")
		})
	}
}
