package application

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"videotutorials/application/call"
	"videotutorials/application/session"
	"videotutorials/internal/token"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	authenticationv1 "videotutorials/proto/authentication/v1"
	identityv1 "videotutorials/proto/identity/v1"
	"videotutorials/viewdata"
)

// registrationPath is the path of a registration's outcome.
const registrationPath = "/v1/registrations/"

// users is the UsersService. It rejects invalid input; the component identity
// decides about registrations.
type users struct {
	applicationv1.UnimplementedUsersServiceServer
	store     messagestore.Store
	viewData  *pgxpool.Pool
	passwords *session.Passwords
	// secret has signed the links in mails.
	secret token.Secret
	waits  waits
}

// RegisterUser writes Register to the new user's stream of commands.
func (s users) RegisterUser(ctx context.Context, in *applicationv1.RegisterUserRequest) (*applicationv1.RegisterUserResponse, error) {
	r := call.From(ctx)
	register, err := newRegister(r, in)
	if err != nil {
		return nil, err
	}
	if err := s.register(ctx, r, register, in.GetPassword()); err != nil {
		return nil, err
	}
	return &applicationv1.RegisterUserResponse{
		UserId: register.GetUserId(), TraceId: r.TraceID, Operation: registrationPath + r.TraceID,
	}, nil
}

// newRegister returns the command without the password's hash. Its errors, which are
// also logged, contain neither the address nor the password.
func newRegister(r *call.Request, in *applicationv1.RegisterUserRequest) (*identityv1.Register, error) {
	var bad call.InvalidError
	email, ok := parseEmail(in.GetEmail())
	if !ok {
		bad.Add("email", "is not an e-mail address, as name@example.com")
	}
	if wrong := session.CheckPassword(in.GetPassword()); wrong != "" {
		bad.Add("password", wrong)
	}
	id := in.GetUserId()
	if id == "" {
		id = r.ID(call.PurposeUser)
	}
	user := bad.UUID("userId", id)
	return &identityv1.Register{UserId: user.String(), Email: email}, bad.Err()
}

// register writes the command, once for each idempotency key.
func (s users) register(ctx context.Context, r *call.Request, register *identityv1.Register, password string) error {
	// Before checkFree: this very registration may have taken the address.
	if repeated, err := s.repeated(ctx, r, register, password); repeated || err != nil {
		return err
	}
	if err := s.checkFree(ctx, register); err != nil {
		return err
	}
	var err error
	if register.PasswordHash, err = s.passwords.Hash(ctx, password); err != nil {
		return err
	}
	user := register.GetUserId()
	err = r.WriteAs(ctx, s.store, identityCommands(user), r.MessageID(), wrapperspb.String(user), register)
	var conflict *messagestore.IDConflictError
	if errors.As(err, &conflict) {
		// A concurrent repeat may have written it, with another hash.
		if repeated, err := s.repeated(ctx, r, register, password); repeated || err != nil {
			return err
		}
	}
	return err
}

func identityCommands(user string) messagestore.Stream {
	return contract.Category((*identityv1.Register)(nil)).Stream(user)
}

// repeated reports whether an earlier call with the same idempotency key wrote the
// same registration. The store cannot recognise it by its content, because each
// hash has its own salt. It returns an *IDConflictError if the key was used for
// another registration of the user.
func (s users) repeated(ctx context.Context, r *call.Request, register *identityv1.Register, password string) (bool, error) {
	m, repeated, err := r.Repeated(ctx, s.store, identityCommands(register.GetUserId()))
	if !repeated || err != nil {
		return false, err
	}
	conflict := &messagestore.IDConflictError{ID: m.ID, StoredStream: m.Stream}
	if m.Type != contract.Type(register) {
		return false, conflict
	}
	first, err := contract.Decode[*identityv1.Register](m)
	if err != nil {
		return false, err
	}
	same, err := s.passwords.Match(ctx, first.GetPasswordHash(), password)
	if err == nil && (!same || first.GetEmail() != register.GetEmail()) {
		err = conflict
	}
	return err == nil, err
}

// checkFree rejects an address or a user id that View Data has already. If View Data
// lags or is unavailable, the component rejects it.
func (s users) checkFree(ctx context.Context, register *identityv1.Register) error {
	var bad call.InvalidError
	_, err := viewdata.ReadUserCredentialsByEmail(ctx, s.viewData, register.GetEmail())
	if err := checkTaken(&bad, "email", "EMAIL_TAKEN", err); err != nil {
		return err
	}
	_, err = viewdata.ReadUserCredentials(ctx, s.viewData, register.GetUserId())
	if err := checkTaken(&bad, "userId", "USER_ID_TAKEN", err); err != nil {
		return err
	}
	return bad.Err()
}

// checkTaken adds a violation if a credential was read, that is if err is nil.
func checkTaken(bad *call.InvalidError, field, reason string, err error) error {
	var notReady *viewdata.NotReadyError
	if err == nil {
		bad.Add(field, "is taken")
		(*bad)[len(*bad)-1].Reason = reason
	} else if errors.Is(err, viewdata.ErrNotFound) || errors.As(err, &notReady) {
		err = nil
	}
	return err
}

// GetRegistration returns the registration according to View Data, now or within the
// wait.
func (s users) GetRegistration(ctx context.Context, in *applicationv1.GetRegistrationRequest) (*applicationv1.GetRegistrationResponse, error) {
	return await(ctx, s.waits, "peer "+call.Peer(ctx), in, func(ctx context.Context, trace string) (*applicationv1.GetRegistrationResponse, error) {
		answer := &applicationv1.GetRegistrationResponse{TraceId: trace}
		found, err := viewdata.ReadRegistration(ctx, s.viewData, trace)
		if errors.Is(err, viewdata.ErrNotFound) {
			return answer, nil
		}
		if err != nil {
			return nil, err
		}
		answer.Done, answer.UserId = true, &found.UserID
		if !found.Succeeded {
			answer.Error = &applicationv1.OperationError{Code: found.Code, Message: found.Reason}
		}
		return answer, nil
	})
}

// ConfirmRegistration writes ConfirmRegistration to the user's stream of commands,
// once for each token: mail programs may open a link before the user does. It is a
// GET that writes. It needs no session, because only the user has the token.
func (s users) ConfirmRegistration(ctx context.Context, in *applicationv1.ConfirmRegistrationRequest) (*applicationv1.ConfirmRegistrationResponse, error) {
	user, err := s.checkToken(in)
	if err != nil {
		return nil, err
	}
	// A link has no idempotency key. The token replaces the key, the user the caller.
	r := *call.From(ctx)
	r.Session = &call.Session{User: user}
	key := uuid.NewHash(sha256.New(), uuid.Nil, []byte(in.GetToken()), 8)
	err = r.WriteAs(ctx, s.store, identityCommands(user.String()), r.Derive(call.PurposeMessage, key), r.UserID(),
		&identityv1.ConfirmRegistration{UserId: user.String()})
	if err != nil {
		return nil, err
	}
	return &applicationv1.ConfirmRegistrationResponse{UserId: user.String(), TraceId: r.TraceID}, nil
}

// checkToken returns the user if the link is for it.
func (s users) checkToken(in *applicationv1.ConfirmRegistrationRequest) (uuid.UUID, error) {
	user, err := call.ParseUUIDField("userId", in.GetUserId())
	if err != nil {
		return uuid.Nil, err
	}
	subject, err := s.secret.Verify(token.ConfirmRegistration, in.GetToken(), time.Now())
	switch {
	case errors.Is(err, token.ErrExpired):
		return uuid.Nil, call.Invalid("token", "has expired")
	case err != nil || subject != user.String():
		return uuid.Nil, call.Invalid("token", "is not one of this user's")
	}
	return user, nil
}

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
	err := r.WriteAs(ctx, s.store, session.Stream(r.Caller()), r.Derive(call.PurposeMessage, r.Session.ID), r.UserID(), out)
	if err != nil {
		return nil, err
	}
	return &applicationv1.LogOutResponse{}, nil
}
