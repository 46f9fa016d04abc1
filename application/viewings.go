package application

import (
	"context"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// viewings is the ViewingsService. It writes an event and not a command: there
// is nothing to decide about a viewing yet.
type viewings struct {
	applicationv1.UnimplementedViewingsServiceServer
	store messagestore.Store
}

// RecordViewing writes VideoViewed to the video's stream.
func (v viewings) RecordViewing(ctx context.Context, in *applicationv1.RecordViewingRequest) (*applicationv1.RecordViewingResponse, error) {
	video, ok := parseUUID(in.GetVideoId())
	if !ok {
		return nil, invalid("videoId", notUUID(in.GetVideoId()))
	}
	request := requestOf(ctx)
	viewed := &viewingv1.VideoViewed{UserId: request.user(), VideoId: video.String()}
	message, err := request.message(0, viewed)
	if err != nil {
		return nil, err
	}
	stream := contract.Category(viewed).Stream(video.String())
	if _, err := v.store.Write(ctx, stream, messagestore.Any, message); err != nil {
		return nil, err
	}
	return &applicationv1.RecordViewingResponse{TraceId: request.traceID}, nil
}
