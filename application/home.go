package application

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/application/call"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
	"videotutorials/viewdata"
)

// home is the HomeService.
type home struct {
	applicationv1.UnimplementedHomeServiceServer
	viewData *pgxpool.Pool
}

func (h home) GetHome(ctx context.Context, in *applicationv1.GetHomeRequest) (*applicationv1.GetHomeResponse, error) {
	videos, err := viewdata.ReadHomePageVideos(ctx, h.viewData, pageOf(in))
	if err != nil {
		return nil, err
	}
	page, err := viewdata.ReadHomePage(ctx, h.viewData)
	if err != nil {
		return nil, err
	}
	return &applicationv1.GetHomeResponse{
		VideosWatched: page.VideosWatched,
		Videos: each(videos.Rows, func(v viewdata.HomePageVideo) *applicationv1.HomeVideo {
			return &applicationv1.HomeVideo{VideoId: v.VideoID, Name: v.Name, Views: v.Views, OwnerId: v.OwnerID}
		}),
		NextPageToken: videos.Next,
	}, nil
}

// viewings is the ViewingsService. It writes an event and not a command, because no
// component decides about viewings.
type viewings struct {
	applicationv1.UnimplementedViewingsServiceServer
	store messagestore.Store
}

// RecordViewing writes VideoViewed to the video's stream.
func (v viewings) RecordViewing(ctx context.Context, in *applicationv1.RecordViewingRequest) (*applicationv1.RecordViewingResponse, error) {
	video, err := call.ParseUUIDField("videoId", in.GetVideoId())
	if err != nil {
		return nil, err
	}
	r := call.From(ctx)
	viewed := &viewingv1.VideoViewed{UserId: r.UserID(), VideoId: video.String()}
	if err := r.Write(ctx, v.store, contract.Category(viewed).Stream(video.String()), viewed); err != nil {
		return nil, err
	}
	return &applicationv1.RecordViewingResponse{TraceId: r.TraceID}, nil
}
