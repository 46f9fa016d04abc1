package application

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/media"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	"videotutorials/viewdata"
)

// longestText bounds a name or a description, in bytes: beyond what the component
// allows, whose rule it is and who counts characters, of up to four bytes, and far
// below what the log would keep for ever.
const longestText = 40_000

// creators is the CreatorsService. What is plainly wrong is refused here; what
// holds is decided by the component videopublishing.
type creators struct {
	applicationv1.UnimplementedCreatorsServiceServer
	store    messagestore.Store
	viewData *pgxpool.Pool
	media    *media.Folder
	// allowPrivate lets sources be at addresses that are not public.
	allowPrivate bool
}

// PublishVideo writes PublishVideo to the video's stream of commands.
func (s creators) PublishVideo(ctx context.Context, in *applicationv1.PublishVideoRequest) (*applicationv1.PublishVideoResponse, error) {
	r := requestOf(ctx)
	var bad invalidError
	id := in.GetVideoId()
	if id == "" {
		id = r.id(purposeVideo)
	}
	video, ok := parseUUID(id)
	if !ok {
		bad = append(bad, invalid("videoId", notUUID(id))...)
	}
	wrong, err := s.checkSource(ctx, video, in.GetSourceUri())
	if err != nil {
		return nil, err
	}
	if wrong != "" {
		bad = append(bad, invalid("sourceUri", wrong)...)
	}
	if len(bad) > 0 {
		return nil, bad
	}
	err = s.command(ctx, video, &videopublishingv1.PublishVideo{
		OwnerId: r.caller(), SourceUri: in.GetSourceUri(), VideoId: video.String(),
	})
	if err != nil {
		return nil, err
	}
	return &applicationv1.PublishVideoResponse{
		VideoId: video.String(), TraceId: r.traceID, Operation: operationPath + r.traceID,
	}, nil
}

// checkSource says what is wrong with a source, "" if nothing is.
func (s creators) checkSource(ctx context.Context, video uuid.UUID, source string) (wrong string, err error) {
	switch {
	case source == "":
		return "is required", nil
	case !strings.HasPrefix(source, "upload:"):
		return checkAddress(source, s.allowPrivate), nil
	}
	upload, ok := media.ParseUploadURI(source)
	if !ok {
		return quote(source) + " is not upload:<uuid>", nil
	}
	r := requestOf(ctx)
	has, err := s.media.HasUpload(r.session.user, upload)
	if err != nil || has {
		return "", err
	}
	// Its upload may have been taken away since. What it asked is compared by the
	// store.
	commands := contract.Category((*videopublishingv1.PublishVideo)(nil)).Stream(video.String())
	if _, repeated, err := r.repeats(ctx, s.store, commands); repeated || err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is not an upload of yours, or is too old: uploads are kept for %.0f days", quote(source), media.UploadAge.Hours()/24), nil
}

// command writes a command to the video's stream of commands.
func (s creators) command(ctx context.Context, video uuid.UUID, command proto.Message) error {
	message, err := requestOf(ctx).message(0, command)
	if err != nil {
		return err
	}
	_, err = s.store.Write(ctx, contract.Category(command).Stream(video.String()), messagestore.Any, message)
	return err
}

// NameVideo writes NameVideo to the video's stream of commands.
func (s creators) NameVideo(ctx context.Context, in *applicationv1.NameVideoRequest) (*applicationv1.NameVideoResponse, error) {
	video, err := checkText(in.GetVideoId(), "name", in.GetName())
	if err != nil {
		return nil, err
	}
	if err := s.command(ctx, video, &videopublishingv1.NameVideo{VideoId: video.String(), Name: in.GetName()}); err != nil {
		return nil, err
	}
	trace := requestOf(ctx).traceID
	return &applicationv1.NameVideoResponse{TraceId: trace, Operation: operationPath + trace}, nil
}

// DescribeVideo writes DescribeVideo to the video's stream of commands.
func (s creators) DescribeVideo(ctx context.Context, in *applicationv1.DescribeVideoRequest) (*applicationv1.DescribeVideoResponse, error) {
	video, err := checkText(in.GetVideoId(), "description", in.GetDescription())
	if err != nil {
		return nil, err
	}
	if err := s.command(ctx, video, &videopublishingv1.DescribeVideo{VideoId: video.String(), Description: in.GetDescription()}); err != nil {
		return nil, err
	}
	trace := requestOf(ctx).traceID
	return &applicationv1.DescribeVideoResponse{TraceId: trace, Operation: operationPath + trace}, nil
}

// checkText returns the video, or all that is wrong with a command that gives it
// a text.
func checkText(id, field, text string) (uuid.UUID, error) {
	var bad invalidError
	video, ok := parseUUID(id)
	if !ok {
		bad = append(bad, invalid("videoId", notUUID(id))...)
	}
	switch {
	case len(text) > longestText:
		bad = append(bad, invalid(field, fmt.Sprintf("has %d bytes, at most %d are allowed", len(text), longestText))...)
	case strings.ContainsRune(text, 0):
		bad = append(bad, invalid(field, "has a NUL character, which cannot be stored")...)
	}
	return video, bad.orNil()
}

// ListVideos returns a page of the caller's videos.
func (s creators) ListVideos(ctx context.Context, in *applicationv1.ListVideosRequest) (*applicationv1.ListVideosResponse, error) {
	page, err := viewdata.ReadCreatorsVideos(ctx, s.viewData, requestOf(ctx).caller(), pageOf(in))
	if err != nil {
		return nil, err
	}
	return &applicationv1.ListVideosResponse{Videos: each(page.Rows, creatorVideo), NextPageToken: page.Next}, nil
}

// GetVideo returns one of the caller's videos.
func (s creators) GetVideo(ctx context.Context, in *applicationv1.GetVideoRequest) (*applicationv1.GetVideoResponse, error) {
	id, ok := parseUUID(in.GetVideoId())
	if !ok {
		return nil, invalid("videoId", notUUID(in.GetVideoId()))
	}
	video, err := viewdata.ReadCreatorsVideo(ctx, s.viewData, requestOf(ctx).caller(), id.String())
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
