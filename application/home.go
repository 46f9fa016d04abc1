package application

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	applicationv1 "videotutorials/proto/application/v1"
	"videotutorials/viewdata"
)

// maxPageSize bounds all lists.
const maxPageSize = 1000

// home is the HomeService.
type home struct {
	applicationv1.UnimplementedHomeServiceServer
	viewData *pgxpool.Pool
}

// GetHome returns the home page as View Data has it.
func (h home) GetHome(ctx context.Context, in *applicationv1.GetHomeRequest) (*applicationv1.GetHomeResponse, error) {
	if err := checkHome(in); err != nil {
		return nil, err
	}
	page, err := viewdata.ReadHome(ctx, h.viewData)
	if err != nil {
		return nil, err
	}
	// Nobody can publish a video yet, so there are none.
	return &applicationv1.GetHomeResponse{VideosWatched: page.VideosWatched}, nil
}

func checkHome(in *applicationv1.GetHomeRequest) error {
	var bad invalidError
	if n := in.GetPageSize(); n < 0 || n > maxPageSize {
		bad = append(bad, invalid("pageSize", fmt.Sprintf("is %d; 0 to %d are allowed, 0 means 50", n, maxPageSize))...)
	}
	if t := in.GetPageToken(); t != "" {
		bad = append(bad, invalid("pageToken", fmt.Sprintf("%s is not the nextPageToken of a page", quote(t)))...)
	}
	return bad.orNil()
}
