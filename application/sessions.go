package application

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
	authenticationv1 "videotutorials/proto/authentication/v1"
	"videotutorials/viewdata"
)

const (
	// mostPeerFailures is how often a peer may fail in lockTime, whatever the
	// address: many share one.
	mostPeerFailures = 100
	// namesKnown bounds the memory for failures, at about 200 bytes a name.
	namesKnown = 10_000
	// maxTries bounds how often an attempt is decided anew, because others were
	// faster. Only as many can be as passwords are compared at one time.
	maxTries = 20
)

// errWrongLogin is returned alike for all that is wrong with a log-in, so that
// nobody learns which addresses have an account.
var errWrongLogin = fmt.Errorf("wrong e-mail address or password; after %d failures an account is locked for %v", mostFailures, lockTime)

// sessions is the SessionsService. It writes events and not commands: there is
// nobody else to decide about a log-in.
type sessions struct {
	applicationv1.UnimplementedSessionsServiceServer
	store     messagestore.Store
	viewData  *pgxpool.Pool
	passwords *passwords
	tokens    tokens
	// accounts and peers fail too often before a password is looked at. An account
	// is known by its user's id, and one that is not there by the address: who
	// comes too early, and fails, may log in once it is there.
	accounts, peers *failures
}

func newSessions(c Config, p *passwords, t tokens) sessions {
	return sessions{
		store: c.Store, viewData: c.ViewData, passwords: p, tokens: t,
		accounts: newFailures(mostFailures, lockTime, namesKnown),
		peers:    newFailures(mostPeerFailures, lockTime, namesKnown),
	}
}

// LogIn writes UserLoggedIn, and then there is a session.
func (s sessions) LogIn(ctx context.Context, in *applicationv1.LogInRequest) (*applicationv1.LogInResponse, error) {
	if err := checkLogIn(in); err != nil {
		return nil, err
	}
	peer, now := peerOf(ctx), time.Now()
	if err := tooMany(s.peers.wait(peer, now)); err != nil {
		return nil, err
	}
	// What is no address is nobody's, and is treated as such.
	email, _ := parseEmail(in.GetEmail())
	c, err := s.credential(ctx, email)
	if err != nil {
		return nil, err
	}
	account := cmp.Or(c.ID, email)
	if err := tooMany(s.accounts.wait(account, now)); err != nil {
		return nil, err
	}
	user, err := s.authenticate(ctx, c, in.GetPassword())
	if errors.Is(err, errWrongLogin) {
		failed := time.Now() // not before the account is locked
		s.accounts.add(account, failed)
		s.peers.add(peer, failed)
	}
	if err != nil {
		return nil, err
	}
	s.accounts.reset(account)
	id, err := uuid.Parse(requestOf(ctx).id(purposeSession))
	if err != nil {
		return nil, fmt.Errorf("make a session: %w", err)
	}
	expires := now.Add(sessionTime).Truncate(time.Second)
	return &applicationv1.LogInResponse{
		Token: s.tokens.make(session{id, user}, expires), UserId: user.String(), ExpireTime: timestamppb.New(expires),
	}, nil
}

func checkLogIn(in *applicationv1.LogInRequest) error {
	var bad invalidError
	if in.GetEmail() == "" {
		bad = append(bad, invalid("email", "is required")...)
	}
	if in.GetPassword() == "" {
		bad = append(bad, invalid("password", "is required")...)
	}
	return bad.orNil()
}

// tooMany refuses who has to wait.
func tooMany(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	whole := (wait + time.Second - 1).Truncate(time.Second) // people read it
	return &messagestore.ExhaustedError{RetryAfter: whole, Reason: "too many failed log-ins"}
}

// credential returns the one of the address or, where there is none, one without
// an id whose password nobody has: it takes as long to compare.
func (s sessions) credential(ctx context.Context, email string) (viewdata.UserCredentials, error) {
	c, err := viewdata.ReadUserCredentialsByEmail(ctx, s.viewData, email)
	if errors.Is(err, viewdata.ErrNotFound) {
		return viewdata.UserCredentials{PasswordHash: s.passwords.nobodys}, nil
	}
	return c, err
}

// authenticate returns the user with the credential. It returns errWrongLogin if
// the password is another, or nobody's.
func (s sessions) authenticate(ctx context.Context, c viewdata.UserCredentials, password string) (uuid.UUID, error) {
	right, err := s.passwords.match(ctx, c.PasswordHash, password)
	if err != nil {
		return uuid.Nil, err
	}
	if c.ID == "" {
		return uuid.Nil, s.recordNobodys(ctx)
	}
	if err := s.record(ctx, c, right); err != nil {
		return uuid.Nil, err
	}
	return uuid.Parse(c.ID)
}

// record writes down how the attempt went, and returns errWrongLogin unless it
// is a log-in.
//
// It is decided on a version of the user's stream and written only at that
// version: of a thousand guesses at once, none learns anything that is not
// counted. View Data has the version nearly always; where it lags, the stream
// itself says it, so that one can log in while the aggregators are away.
func (s sessions) record(ctx context.Context, c viewdata.UserCredentials, right bool) error {
	stream, now, a := authentication(c.ID), time.Now(), attemptsOf(c)
	ids := newAttemptIDs(requestOf(ctx), right)
	for range maxTries {
		events := a.decide(c.ID, right, now)
		if len(events) == 0 {
			return errWrongLogin
		}
		var actor *string // who fails to log in is not known
		if right {
			actor = &c.ID
		}
		var messages []messagestore.NewMessage
		for i, event := range events {
			m, err := requestOf(ctx).messageOf(ids[i], actor, event)
			if err != nil {
				return err
			}
			messages = append(messages, m)
		}
		_, err := s.store.Write(ctx, stream, a.version, messages...)
		var conflict *messagestore.VersionConflictError
		if errors.As(err, &conflict) {
			if a, err = readAttempts(ctx, s.store, stream); err == nil {
				continue
			}
		}
		if err == nil && !right {
			return errWrongLogin
		}
		return err
	}
	return &messagestore.ExhaustedError{RetryAfter: time.Second, Reason: "too many log-ins to one account at once"}
}

// recordNobodys is record of an attempt to log in with an address that nobody has:
// it goes the same way, to a commit, and fails as that does, so that neither the
// time nor an error tells that there is no account. What it writes is nothing: it
// checks that the stream of a user who does not exist is empty.
func (s sessions) recordNobodys(ctx context.Context) error {
	_, err := s.store.WriteBatch(ctx, messagestore.Write{Stream: authentication(contract.NewID()), Expected: messagestore.None})
	if err != nil {
		return err
	}
	return errWrongLogin
}

// newAttemptIDs returns the ids of an attempt's messages. Those of a failure are
// new even where the call has a key: else all guesses with one key would count
// as one.
func newAttemptIDs(r *request, right bool) [2]string {
	if right {
		return [2]string{r.messageID(0)}
	}
	return [2]string{contract.NewID(), contract.NewID()}
}

// LogOut writes UserLoggedOut.
func (s sessions) LogOut(ctx context.Context, _ *applicationv1.LogOutRequest) (*applicationv1.LogOutResponse, error) {
	r := requestOf(ctx)
	out := &authenticationv1.UserLoggedOut{UserId: r.caller(), SessionId: r.session.id.String()}
	// A session ends once, however often it is said.
	message, err := r.messageOf(derive(purposeMessage(0), r.session.id, r.caller(), r.path()), r.userID, out)
	if err != nil {
		return nil, err
	}
	if _, err := s.store.Write(ctx, authentication(r.caller()), messagestore.Any, message); err != nil {
		return nil, err
	}
	return &applicationv1.LogOutResponse{}, nil
}
