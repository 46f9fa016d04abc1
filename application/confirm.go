package application

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"

	"videotutorials/internal/token"
	"videotutorials/messagestore"
	applicationv1 "videotutorials/proto/application/v1"
	identityv1 "videotutorials/proto/identity/v1"
)

// ConfirmRegistration writes ConfirmRegistration to the user's stream of
// commands, once for each token: mail programs follow a link before its reader
// does. It is a GET that writes, which needs no session: the token is all that
// it needs, and nobody else has it.
func (s registration) ConfirmRegistration(ctx context.Context, in *applicationv1.ConfirmRegistrationRequest) (*applicationv1.ConfirmRegistrationResponse, error) {
	user, err := s.checkConfirmation(in)
	if err != nil {
		return nil, err
	}
	r, id := requestOf(ctx), user.String()
	// The token stands for the key that a link cannot have.
	key := uuid.NewHash(sha256.New(), uuid.Nil, []byte(in.GetToken()), 8)
	message, err := r.messageOf(derive(purposeMessage(0), key, id, r.path()), &id, &identityv1.ConfirmRegistration{UserId: id})
	if err != nil {
		return nil, err
	}
	if _, err := s.store.Write(ctx, commands(id), messagestore.Any, message); err != nil {
		return nil, err
	}
	return &applicationv1.ConfirmRegistrationResponse{UserId: id, TraceId: r.traceID}, nil
}

// checkConfirmation returns the user whom the link is for.
func (s registration) checkConfirmation(in *applicationv1.ConfirmRegistrationRequest) (uuid.UUID, error) {
	user, ok := parseUUID(in.GetUserId())
	if !ok {
		return uuid.Nil, invalid("userId", notUUID(in.GetUserId()))
	}
	subject, err := s.secret.Verify(token.ConfirmRegistration, in.GetToken(), time.Now())
	switch {
	case errors.Is(err, token.ErrExpired):
		return uuid.Nil, invalid("token", "has expired")
	case err != nil || subject != user.String():
		return uuid.Nil, invalid("token", "is not one of this user's")
	}
	return user, nil
}
