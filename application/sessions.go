package application

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/application/call"
	"videotutorials/application/session"
	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
	authenticationv1 "videotutorials/proto/authentication/v1"
)

// sessions is the SessionsService. It writes events and not commands, because no
// component decides about log-ins.
type sessions struct {
	applicationv1.UnimplementedSessionsServiceServer
	store         messagestore.Store
	authenticator *session.Authenticator
	tokens        session.Tokens
}

// LogIn writes UserLoggedIn and returns the token of a new session.
func (s sessions) LogIn(ctx context.Context, in *applicationv1.LogInRequest) (*applicationv1.LogInResponse, error) {
	var bad call.InvalidError
	if in.GetEmail() == "" {
		bad.Add("email", "is required")
	}
	if in.GetPassword() == "" {
		bad.Add("password", "is required")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	expires := time.Now().Add(session.Lifetime).Truncate(time.Second)
	email, _ := parseEmail(in.GetEmail()) // a malformed address is treated like an unknown one
	user, err := s.authenticator.LogIn(ctx, email, in.GetPassword())
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(call.From(ctx).ID(call.PurposeSession))
	if err != nil {
		return nil, fmt.Errorf("make a session: %w", err)
	}
	return &applicationv1.LogInResponse{
		Token:  s.tokens.Sign(call.Session{ID: id, User: user}, expires),
		UserId: user.String(), ExpireTime: timestamppb.New(expires),
	}, nil
}

// LogOut writes UserLoggedOut, once for each session.
func (s sessions) LogOut(ctx context.Context, _ *applicationv1.LogOutRequest) (*applicationv1.LogOutResponse, error) {
	r := call.From(ctx)
	out := &authenticationv1.UserLoggedOut{UserId: r.Caller(), SessionId: r.Session.ID.String()}
	message, err := r.MessageWith(r.Derive(call.PurposeMessage(0), r.Session.ID), r.UserID(), out)
	if err != nil {
		return nil, err
	}
	if _, err := s.store.Write(ctx, session.Stream(r.Caller()), messagestore.Any, message); err != nil {
		return nil, err
	}
	return &applicationv1.LogOutResponse{}, nil
}
