package application

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"videotutorials/application/call"
	"videotutorials/internal/media"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	"videotutorials/viewdata"
)

// maxText bounds a name or a description, in bytes. The component has the real limits,
// in characters of up to four bytes; this one keeps larger texts out of the log.
const maxText = 40_000

// creators is the CreatorsService. It rejects invalid input and writes commands; the
// component videopublishing decides about videos.
type creators struct {
	applicationv1.UnimplementedCreatorsServiceServer
	store        messagestore.Store
	viewData     *pgxpool.Pool
	media        *media.Folder
	allowPrivate bool // permits sources at addresses that are not public
}

func (s creators) PublishVideo(ctx context.Context, in *applicationv1.PublishVideoRequest) (*applicationv1.PublishVideoResponse, error) {
	r := call.From(ctx)
	var bad call.InvalidError
	id := in.GetVideoId()
	if id == "" {
		id = r.ID(call.PurposeVideo)
	}
	video := bad.UUID("videoId", id)
	wrong, err := s.checkSource(ctx, video, in.GetSourceUri())
	if err != nil {
		return nil, err
	}
	if wrong != "" {
		bad.Add("sourceUri", wrong)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	err = s.command(ctx, video, &videopublishingv1.PublishVideo{
		OwnerId: r.Caller(), SourceUri: in.GetSourceUri(), VideoId: video.String(),
	})
	if err != nil {
		return nil, err
	}
	return &applicationv1.PublishVideoResponse{
		VideoId: video.String(), TraceId: r.TraceID, Operation: operationPath + r.TraceID,
	}, nil
}

// checkSource returns what is wrong with a source, "" if it is valid.
func (s creators) checkSource(ctx context.Context, video uuid.UUID, source string) (wrong string, err error) {
	switch {
	case source == "":
		return "is required", nil
	case !strings.HasPrefix(source, "upload:"):
		return checkAddress(source, s.allowPrivate), nil
	}
	upload, ok := media.ParseUploadURI(source)
	if !ok {
		return call.Quote(source) + " is not upload:<uuid>", nil
	}
	r := call.From(ctx)
	_, has, err := s.media.UploadSize(r.Session.User, upload)
	if err != nil || has {
		return "", err
	}
	// The upload of a repeated call may have been removed since. The store compares
	// the source with that of the first call.
	commands := contract.Category((*videopublishingv1.PublishVideo)(nil)).Stream(video.String())
	if _, repeated, err := r.Repeated(ctx, s.store, commands); repeated || err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is not an upload of yours, or is too old: uploads are kept for %.0f days", call.Quote(source), media.UploadAge.Hours()/24), nil
}

// command writes a command to the video's stream of commands.
func (s creators) command(ctx context.Context, video uuid.UUID, command proto.Message) error {
	return call.From(ctx).Write(ctx, s.store, contract.Category(command).Stream(video.String()), command)
}

func (s creators) NameVideo(ctx context.Context, in *applicationv1.NameVideoRequest) (*applicationv1.NameVideoResponse, error) {
	video, err := checkText(in.GetVideoId(), "name", in.GetName())
	if err != nil {
		return nil, err
	}
	if err := s.command(ctx, video, &videopublishingv1.NameVideo{VideoId: video.String(), Name: in.GetName()}); err != nil {
		return nil, err
	}
	trace := call.From(ctx).TraceID
	return &applicationv1.NameVideoResponse{TraceId: trace, Operation: operationPath + trace}, nil
}

func (s creators) DescribeVideo(ctx context.Context, in *applicationv1.DescribeVideoRequest) (*applicationv1.DescribeVideoResponse, error) {
	video, err := checkText(in.GetVideoId(), "description", in.GetDescription())
	if err != nil {
		return nil, err
	}
	if err := s.command(ctx, video, &videopublishingv1.DescribeVideo{VideoId: video.String(), Description: in.GetDescription()}); err != nil {
		return nil, err
	}
	trace := call.From(ctx).TraceID
	return &applicationv1.DescribeVideoResponse{TraceId: trace, Operation: operationPath + trace}, nil
}

// checkText returns the video's id, or the violations of a command that sets a text
// of the video.
func checkText(id, field, text string) (uuid.UUID, error) {
	var bad call.InvalidError
	video := bad.UUID("videoId", id)
	switch {
	case len(text) > maxText:
		bad.Add(field, fmt.Sprintf("has %d bytes, at most %d are allowed", len(text), maxText))
	case strings.ContainsRune(text, 0):
		bad.Add(field, "has a NUL character, which cannot be stored")
	}
	return video, bad.Err()
}

func (s creators) ListVideos(ctx context.Context, in *applicationv1.ListVideosRequest) (*applicationv1.ListVideosResponse, error) {
	page, err := viewdata.ReadCreatorsVideos(ctx, s.viewData, call.From(ctx).Caller(), pageOf(in))
	if err != nil {
		return nil, err
	}
	return &applicationv1.ListVideosResponse{Videos: each(page.Rows, creatorVideo), NextPageToken: page.Next}, nil
}

// GetVideo returns one of the caller's videos.
func (s creators) GetVideo(ctx context.Context, in *applicationv1.GetVideoRequest) (*applicationv1.GetVideoResponse, error) {
	id, err := call.ParseUUIDField("videoId", in.GetVideoId())
	if err != nil {
		return nil, err
	}
	video, err := viewdata.ReadCreatorsVideo(ctx, s.viewData, call.From(ctx).Caller(), id.String())
	if err != nil {
		return nil, err
	}
	return &applicationv1.GetVideoResponse{Video: creatorVideo(video)}, nil
}

func creatorVideo(v viewdata.CreatorsVideo) *applicationv1.CreatorVideo {
	video := &applicationv1.CreatorVideo{
		VideoId: v.ID, Name: v.Name, Description: v.Description, Views: v.Views, Status: string(v.Status),
		SourceUri: v.SourceURI, TranscodedUri: v.TranscodedURI, PosterUri: v.PosterURI,
	}
	if v.Status == viewdata.VideoFailed {
		video.Failure = &applicationv1.OperationError{Code: v.FailureCode, Message: v.FailureReason}
	}
	return video
}
