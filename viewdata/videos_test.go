package viewdata_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"videotutorials/viewdata"
)

// video is a video's id.
const video = "00000000-0000-4000-8000-0000000000fe"

func TestReadHomeVideos(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	db := open(t, url, viewdata.Reader)
	exec(t, url,
		`insert into home_videos (video_id, name, views) values (gen_random_uuid(), 'not published', 7)`,
		`insert into home_videos values ('`+video+`', 'A name', 9007199254740993, '`+ada+`', 9), ('`+bob+`', null, 0, '`+bob+`', 12)`)
	page, err := viewdata.ReadHomeVideos(t.Context(), db, viewdata.PageRequest{})
	want := []viewdata.HomeVideo{
		{VideoID: bob, OwnerID: bob, PublishedPosition: 12},
		{VideoID: video, Name: "A name", Views: 9007199254740993, OwnerID: ada, PublishedPosition: 9},
	}
	if err != nil || page.Next != "" || fmt.Sprint(page.Rows) != fmt.Sprint(want) {
		t.Errorf("%+v, %v, want %+v", page, err, want)
	}
}

func TestReadVideos(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	db := open(t, url, viewdata.Reader)
	exec(t, url,
		`insert into creators_portal_videos (id, owner_id, name, description, views, source_uri, transcoded_uri, poster_uri, content_type, status, position, first_position)
			values ('`+video+`', '`+ada+`', 'A name', 'About', 5, 'upload:1', '/media/1', '/media/1/poster', 'video/mp4', 'published', 3, 9)`,
		`insert into creators_portal_videos (id, owner_id, source_uri, status, failure_code, failure_reason, position, first_position)
			values ('`+ada+`', '`+ada+`', 'upload:2', 'failed', 'NOT_A_VIDEO', 'is text', 3, 7)`,
		`insert into creators_portal_videos (id, owner_id, status, position, first_position) values ('`+bob+`', '`+bob+`', 'publishing', 0, 8)`)
	first := viewdata.CreatorVideo{
		ID: video, OwnerID: ada, Name: "A name", Description: "About", Views: 5, Status: viewdata.VideoPublished, SourceURI: "upload:1",
		TranscodedURI: "/media/1", PosterURI: "/media/1/poster", FirstPosition: 9,
	}
	second := viewdata.CreatorVideo{
		ID: ada, OwnerID: ada, Status: viewdata.VideoFailed, SourceURI: "upload:2", FailureCode: "NOT_A_VIDEO", FailureReason: "is text", FirstPosition: 7,
	}
	page, err := viewdata.ReadCreatorVideos(t.Context(), db, strings.ToUpper(ada), viewdata.PageRequest{})
	if want := fmt.Sprint([]viewdata.CreatorVideo{first, second}); err != nil || page.Next != "" || fmt.Sprint(page.Rows) != want {
		t.Errorf("videos %+v, %v, want %s", page, err, want)
	}
	for _, want := range []viewdata.CreatorVideo{first, second, {ID: bob, OwnerID: bob, Status: viewdata.VideoPublishing, FirstPosition: 8}} {
		if got, err := viewdata.ReadCreatorVideo(t.Context(), db, want.OwnerID, strings.ToUpper(want.ID)); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	if v, err := viewdata.ReadCreatorVideo(t.Context(), db, bob, video); !errors.Is(err, viewdata.ErrNotFound) {
		t.Errorf("another's video: %+v, %v, want ErrNotFound", v, err)
	}
	published := viewdata.PublishedVideo{
		ID: video, OwnerID: ada, Name: "A name", TranscodedURI: "/media/1", PosterURI: "/media/1/poster", ContentType: "video/mp4",
	}
	if got, err := viewdata.ReadPublishedVideo(t.Context(), db, video); err != nil || got != published {
		t.Errorf("%+v, %v, want %+v", got, err, published)
	}
	for _, id := range []string{ada, bob} {
		if v, err := viewdata.ReadPublishedVideo(t.Context(), db, id); !errors.Is(err, viewdata.ErrNotFound) {
			t.Errorf("not published: %+v, %v, want ErrNotFound", v, err)
		}
	}
}

func TestReadOperation(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	db := open(t, url, viewdata.Reader)
	exec(t, url, `insert into video_operations (trace_id, video_id, owner_id, succeeded, failure_code, failure_reason)
		values ('`+trace+`', '`+video+`', '`+ada+`', false, 'NOT_A_VIDEO', 'is text'), ('`+bob+`', '`+video+`', '`+bob+`', true, null, null)`)
	for id, want := range map[string]viewdata.Operation{
		trace: {TraceID: trace, VideoID: video, OwnerID: ada, Code: "NOT_A_VIDEO", Reason: "is text"},
		bob:   {TraceID: bob, VideoID: video, OwnerID: bob, Succeeded: true},
	} {
		if got, err := viewdata.ReadOperation(t.Context(), db, id); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}
