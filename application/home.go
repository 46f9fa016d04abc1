package application

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

// home is the HomeService.
type home struct {
	applicationv1.UnimplementedHomeServiceServer
	viewData *pgxpool.Pool
}

// GetHome returns the home page according to View Data.
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
