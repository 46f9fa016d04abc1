package application

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/internal/token"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	identityv1 "videotutorials/proto/identity/v1"
	"videotutorials/viewdata"
)

// registrations is where a registration's outcome is.
const registrations = "/v1/registrations/"

// registration is the UsersService. It refuses what is plainly wrong; what holds
// is decided by the component identity.
type registration struct {
	applicationv1.UnimplementedUsersServiceServer
	store     messagestore.Store
	viewData  *pgxpool.Pool
	passwords *passwords
	// secret has signed the links in mails.
	secret token.Secret
	waits  waits
}

// RegisterUser writes Register to the new user's stream of commands.
func (s registration) RegisterUser(ctx context.Context, in *applicationv1.RegisterUserRequest) (*applicationv1.RegisterUserResponse, error) {
	r := requestOf(ctx)
	register, err := newRegister(r, in)
	if err != nil {
		return nil, err
	}
	if err := s.register(ctx, r, register, in.GetPassword()); err != nil {
		return nil, err
	}
	return &applicationv1.RegisterUserResponse{
		UserId: register.GetUserId(), TraceId: r.traceID, Operation: registrations + r.traceID,
	}, nil
}

// register writes the command, once for each key.
func (s registration) register(ctx context.Context, r *request, register *identityv1.Register, password string) error {
	// Before the address is looked up: by now it may be taken by this very
	// registration.
	if done, err := s.repeated(ctx, r, register, password); done || err != nil {
		return err
	}
	if err := s.checkFree(ctx, register); err != nil {
		return err
	}
	var err error
	if register.PasswordHash, err = s.passwords.hash(ctx, password); err != nil {
		return err
	}
	message, err := r.messageOf(r.messageID(0), &register.UserId, register)
	if err != nil {
		return err
	}
	_, err = s.store.Write(ctx, commands(register.GetUserId()), messagestore.Any, message)
	var conflict *messagestore.IDConflictError
	if errors.As(err, &conflict) {
		// Perhaps by the same at the same time, whose hash is another one.
		if done, err := s.repeated(ctx, r, register, password); done || err != nil {
			return err
		}
	}
	return err
}

// newRegister returns the command without the hash, or all that is wrong.
func newRegister(r *request, in *applicationv1.RegisterUserRequest) (*identityv1.Register, error) {
	var bad invalidError
	// What was typed is not sent back, nor logged.
	email, ok := parseEmail(in.GetEmail())
	if !ok {
		bad = append(bad, invalid("email", "is not an e-mail address, as name@example.com")...)
	}
	if wrong := checkPassword(in.GetPassword()); wrong != "" {
		bad = append(bad, invalid("password", wrong)...)
	}
	id := in.GetUserId()
	if id == "" {
		id = r.id(purposeUser)
	}
	user, ok := parseUUID(id)
	if !ok {
		bad = append(bad, invalid("userId", notUUID(id))...)
	}
	return &identityv1.Register{UserId: user.String(), Email: email}, bad.orNil()
}

// commands returns the stream of the commands to an identity.
func commands(user string) messagestore.Stream {
	return contract.Category((*identityv1.Register)(nil)).Stream(user)
}

// repeated reports whether a call with this key has registered the same before.
// The store alone cannot say: a hash is another one each time, and the password
// is known by comparing only. It returns an *IDConflictError if the key was used
// for another registration of the user.
func (s registration) repeated(ctx context.Context, r *request, register *identityv1.Register, password string) (bool, error) {
	m, repeated, err := r.repeats(ctx, s.store, commands(register.GetUserId()))
	if !repeated || err != nil {
		return false, err
	}
	return s.same(ctx, m, register, password)
}

// same reports whether the stored message registers the same. It returns an
// *IDConflictError if it does not.
func (s registration) same(ctx context.Context, m messagestore.Message, register *identityv1.Register, password string) (bool, error) {
	conflict := &messagestore.IDConflictError{ID: m.ID, StoredStream: m.Stream}
	if m.Type != contract.Type(register) {
		return false, conflict
	}
	first, err := contract.Decode[*identityv1.Register](m)
	if err != nil {
		return false, err
	}
	same, err := s.passwords.match(ctx, first.GetPasswordHash(), password)
	if err == nil && (!same || first.GetEmail() != register.GetEmail()) {
		err = conflict
	}
	return err == nil, err
}

// checkFree refuses what View Data knows to be somebody's. It may lag or be away:
// then the component refuses it.
func (s registration) checkFree(ctx context.Context, register *identityv1.Register) error {
	var bad invalidError
	if _, err := viewdata.ReadUserCredentialsByEmail(ctx, s.viewData, register.GetEmail()); err == nil {
		bad = append(bad, &violation{Field: "email", Description: "is taken", Reason: "EMAIL_TAKEN"})
	} else if !nothingKnown(err) {
		return err
	}
	if _, err := viewdata.ReadUserCredentials(ctx, s.viewData, register.GetUserId()); err == nil {
		bad = append(bad, &violation{Field: "userId", Description: "is taken", Reason: "USER_ID_TAKEN"})
	} else if !nothingKnown(err) {
		return err
	}
	return bad.orNil()
}

func nothingKnown(err error) bool {
	var away *viewdata.NotReadyError
	return errors.Is(err, viewdata.ErrNotFound) || errors.As(err, &away)
}

// GetRegistration returns the registration as View Data has it, or will have it
// within the wait.
func (s registration) GetRegistration(ctx context.Context, in *applicationv1.GetRegistrationRequest) (*applicationv1.GetRegistrationResponse, error) {
	trace, wait, err := checkQuestion(in)
	if err != nil {
		return nil, err
	}
	return await(ctx, s.waits, "peer "+peerOf(ctx), trace, wait, func(ctx context.Context) (*applicationv1.GetRegistrationResponse, error) {
		return s.read(ctx, trace)
	})
}

func (s registration) read(ctx context.Context, trace string) (*applicationv1.GetRegistrationResponse, error) {
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
}
