package application

import (
	"context"

	"videotutorials/application/call"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

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
	message, err := r.Message(0, viewed)
	if err != nil {
		return nil, err
	}
	if _, err := v.store.Write(ctx, contract.Category(viewed).Stream(video.String()), messagestore.Any, message); err != nil {
		return nil, err
	}
	return &applicationv1.RecordViewingResponse{TraceId: r.TraceID}, nil
}
