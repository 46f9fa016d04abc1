package application

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/application/call"
	"videotutorials/application/session"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
	"videotutorials/viewdata"
)

// admin is the AdminService. It reads View Data, which has indexes by trace, user
// and type, and the log without password hashes. Only the head of the log comes
// from the store: the lag of View Data is measured by it.
type admin struct {
	applicationv1.UnimplementedAdminServiceServer
	store    messagestore.Store
	viewData *pgxpool.Pool
}

// headTimeout bounds the read of the head of the log.
const headTimeout = 2 * time.Second

// pageOf returns the page that a request for a list asks for.
func pageOf(in interface {
	GetPageSize() int32
	GetPageToken() string
}) viewdata.PageRequest {
	return viewdata.PageRequest{Size: int(in.GetPageSize()), Token: in.GetPageToken()}
}

// each returns f of each row.
func each[R, M any](rows []R, f func(R) M) []M {
	list := make([]M, 0, len(rows))
	for _, row := range rows {
		list = append(list, f(row))
	}
	return list
}

func (s admin) ListUsers(ctx context.Context, in *applicationv1.ListUsersRequest) (*applicationv1.ListUsersResponse, error) {
	page, err := viewdata.ReadAdminUsers(ctx, s.viewData, pageOf(in))
	if err != nil {
		return nil, err
	}
	return &applicationv1.ListUsersResponse{Users: each(page.Rows, adminUser), NextPageToken: page.Next}, nil
}

// GetUser returns a user with the latest log-ins and viewings.
func (s admin) GetUser(ctx context.Context, in *applicationv1.GetUserRequest) (*applicationv1.GetUserResponse, error) {
	id, err := call.ParseUUIDField("userId", in.GetUserId())
	if err != nil {
		return nil, err
	}
	user, err := viewdata.ReadAdminUser(ctx, s.viewData, id.String())
	if err != nil {
		return nil, err
	}
	var last viewdata.PageRequest
	logins, err := viewdata.ReadAdminMessages(ctx, s.viewData,
		viewdata.MessageFilter{Stream: string(session.Stream(id.String()))}, last)
	if err != nil {
		return nil, err
	}
	watched, err := viewdata.ReadAdminMessages(ctx, s.viewData,
		viewdata.MessageFilter{Category: string(contract.Category((*viewingv1.VideoViewed)(nil))), UserID: id.String()}, last)
	if err != nil {
		return nil, err
	}
	return &applicationv1.GetUserResponse{
		User: adminUser(user), Logins: each(logins.Rows, adminMessage), Viewings: each(watched.Rows, adminMessage),
	}, nil
}

func (s admin) ListMessages(ctx context.Context, in *applicationv1.ListMessagesRequest) (*applicationv1.ListMessagesResponse, error) {
	page, err := viewdata.ReadAdminMessages(ctx, s.viewData, viewdata.MessageFilter{
		Category: in.GetCategory(), Stream: in.GetStream(), Type: in.GetType(),
		TraceID: in.GetTraceId(), UserID: in.GetUserId(),
	}, pageOf(in))
	if err != nil {
		return nil, err
	}
	return &applicationv1.ListMessagesResponse{Messages: each(page.Rows, adminMessage), NextPageToken: page.Next}, nil
}

func (s admin) GetMessage(ctx context.Context, in *applicationv1.GetMessageRequest) (*applicationv1.GetMessageResponse, error) {
	id, err := call.ParseUUIDField("messageId", in.GetMessageId())
	if err != nil {
		return nil, err
	}
	m, err := viewdata.ReadAdminMessage(ctx, s.viewData, id.String())
	if err != nil {
		return nil, err
	}
	answer := &applicationv1.GetMessageResponse{Message: adminMessage(m)}
	if answer.Data, err = object(m.Data); err != nil {
		return nil, err
	}
	answer.Metadata, err = object(m.Metadata)
	return answer, err
}

// object returns a JSON object as a Struct. Other JSON, such as the null of Message
// DB, becomes an empty Struct.
func object(text string) (*structpb.Struct, error) {
	var value structpb.Value
	if err := protojson.Unmarshal([]byte(text), &value); err != nil {
		return nil, fmt.Errorf("decode a message: %w", err)
	}
	if object := value.GetStructValue(); object != nil {
		return object, nil
	}
	return &structpb.Struct{}, nil
}

func (s admin) ListStreams(ctx context.Context, in *applicationv1.ListStreamsRequest) (*applicationv1.ListStreamsResponse, error) {
	page, err := viewdata.ReadAdminStreams(ctx, s.viewData, pageOf(in))
	if err != nil {
		return nil, err
	}
	return &applicationv1.ListStreamsResponse{NextPageToken: page.Next,
		Streams: each(page.Rows, func(r viewdata.AdminStream) *applicationv1.AdminStream {
			return &applicationv1.AdminStream{
				StreamName: r.StreamName, MessageCount: r.MessageCount,
				LastMessageId: r.LastMessageID, LastMessageGlobalPosition: r.LastMessageGlobalPosition,
			}
		})}, nil
}

func (s admin) ListCategories(ctx context.Context, in *applicationv1.ListCategoriesRequest) (*applicationv1.ListCategoriesResponse, error) {
	page, err := viewdata.ReadAdminCategories(ctx, s.viewData, pageOf(in))
	if err != nil {
		return nil, err
	}
	return &applicationv1.ListCategoriesResponse{NextPageToken: page.Next,
		Categories: each(page.Rows, func(r viewdata.AdminCategory) *applicationv1.AdminCategory {
			return &applicationv1.AdminCategory{Category: r.Category, MessageCount: r.MessageCount}
		})}, nil
}

func (s admin) ListTypes(ctx context.Context, in *applicationv1.ListTypesRequest) (*applicationv1.ListTypesResponse, error) {
	page, err := viewdata.ReadAdminTypes(ctx, s.viewData, pageOf(in))
	if err != nil {
		return nil, err
	}
	return &applicationv1.ListTypesResponse{NextPageToken: page.Next,
		Types: each(page.Rows, func(r viewdata.AdminType) *applicationv1.AdminType {
			return &applicationv1.AdminType{Type: r.Type, MessageCount: r.MessageCount}
		})}, nil
}

// ListSubscriberPositions returns a page of the positions. It also answers while the
// store is unavailable; the lag is then relative to the last message that any
// aggregator has handled.
func (s admin) ListSubscriberPositions(ctx context.Context, in *applicationv1.ListSubscriberPositionsRequest) (*applicationv1.ListSubscriberPositionsResponse, error) {
	page, err := viewdata.ReadAdminPositions(ctx, s.viewData, s.head(ctx), pageOf(in))
	if err != nil {
		return nil, err
	}
	return &applicationv1.ListSubscriberPositionsResponse{NextPageToken: page.Next,
		SubscriberPositions: each(page.Rows, func(r viewdata.AdminPosition) *applicationv1.SubscriberPosition {
			return &applicationv1.SubscriberPosition{
				SubscriberId: r.ID, Aggregator: r.Aggregator, Position: r.Position, Lag: r.Lag,
			}
		})}, nil
}

// head returns the position of the head of the log, 0 if the store does not answer
// within headTimeout.
func (s admin) head(ctx context.Context) int64 {
	ctx, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	status, err := s.store.Status(ctx)
	if err != nil {
		return 0
	}
	return status.Head.Position
}

func adminUser(u viewdata.AdminUser) *applicationv1.AdminUser {
	return &applicationv1.AdminUser{
		UserId: u.ID, Email: u.Email, Confirmed: u.Confirmed, Admin: u.Admin,
		RegistrationEmailSent: u.RegistrationEmailSent, RegistrationEmailFailure: u.RegistrationEmailFailed,
		LoginCount: u.LoginCount,
	}
}

func adminMessage(m viewdata.AdminMessage) *applicationv1.AdminMessage {
	return &applicationv1.AdminMessage{
		MessageId: m.ID, StreamName: m.StreamName, Type: m.Type, Position: m.Position,
		GlobalPosition: m.GlobalPosition, Time: timestamppb.New(m.Time),
		TraceId: m.TraceID, UserId: m.UserID, Writer: m.Writer,
	}
}
