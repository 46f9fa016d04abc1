package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"videotutorials/application/call"
	"videotutorials/internal/limit"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	authenticationv1 "videotutorials/proto/authentication/v1"
	"videotutorials/viewdata"
)

const (
	// maxPeerFailures is how often a peer may fail within lockTime, over all
	// addresses. Many users can share a peer.
	maxPeerFailures = 100
	// failureKeys bounds the memory of failures, at about 200 bytes a key.
	failureKeys = 10_000
	// maxTries bounds how often an attempt is decided again after a version conflict.
	// At most one conflict for each concurrent comparison of a password is expected.
	maxTries = 20
)

// errWrongLogin is returned for each failed log-in, so that it does not reveal which
// addresses have an account.
var errWrongLogin = &call.Error{
	Code:    codes.Unauthenticated,
	Message: fmt.Sprintf("wrong e-mail address or password; after %d failures an account is locked for %v", maxFailures, lockTime),
}

// An Authenticator checks e-mail addresses and passwords, and limits the attempts.
//
// Each attempt is an event in the account's stream, which locks the account for
// all processes. Before that, failures are counted in the memory of this process,
// by account and by peer.
type Authenticator struct {
	store     messagestore.Store
	viewData  *pgxpool.Pool
	passwords *Passwords
	// accounts counts by user id, or by address if it is unknown. So the failures
	// with an address before its registration do not lock the new account.
	accounts, peers *limit.Failures
}

// NewAuthenticator returns an Authenticator without failures.
func NewAuthenticator(store messagestore.Store, viewData *pgxpool.Pool, p *Passwords) *Authenticator {
	return &Authenticator{
		store: store, viewData: viewData, passwords: p,
		accounts: limit.NewFailures(maxFailures, lockTime, failureKeys),
		peers:    limit.NewFailures(maxPeerFailures, lockTime, failureKeys),
	}
}

// LogIn returns the user with the normalised address and the password, after it has
// written UserLoggedIn. It returns a *call.Error for a wrong address or password,
// and a *messagestore.ExhaustedError after too many failures.
func (a *Authenticator) LogIn(ctx context.Context, email, password string) (uuid.UUID, error) {
	peer, now := call.Peer(ctx), time.Now()
	if err := checkLock(a.peers.LockedFor(peer, now)); err != nil {
		return uuid.Nil, err
	}
	c, err := viewdata.ReadUserCredentialsByEmail(ctx, a.viewData, email)
	if errors.Is(err, viewdata.ErrNotFound) {
		c, err = viewdata.UserCredentials{PasswordHash: a.passwords.unknown}, nil
	}
	if err != nil {
		return uuid.Nil, err
	}
	account := cmp.Or(c.ID, email)
	if err := checkLock(a.accounts.LockedFor(account, now)); err != nil {
		return uuid.Nil, err
	}
	user, err := a.attempt(ctx, c, password)
	if errors.Is(err, errWrongLogin) {
		failed := time.Now() // the lock begins after the comparison
		a.accounts.Add(account, failed)
		a.peers.Add(peer, failed)
	}
	if err == nil {
		a.accounts.Reset(account)
	}
	return user, err
}

func checkLock(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	whole := (wait + time.Second - 1).Truncate(time.Second) // people read it
	return &messagestore.ExhaustedError{RetryAfter: whole, Reason: "too many failed log-ins"}
}

// attempt compares the password and records the attempt. It returns errWrongLogin
// unless that is a log-in.
func (a *Authenticator) attempt(ctx context.Context, c viewdata.UserCredentials, password string) (uuid.UUID, error) {
	right, err := a.passwords.Match(ctx, c.PasswordHash, password)
	if err != nil {
		return uuid.Nil, err
	}
	if c.ID == "" {
		return uuid.Nil, a.recordUnknown(ctx)
	}
	if err := a.record(ctx, c, right); err != nil {
		return uuid.Nil, err
	}
	return uuid.Parse(c.ID)
}

// record writes the events of an attempt. It returns errWrongLogin unless that is a
// log-in.
//
// The attempt is decided on a version of the user's stream and written with that as
// the expected version: concurrent guesses are counted one by one. View Data
// nearly always has the version. If it lags, the stream is read, so that users can
// log in while no aggregator runs.
func (a *Authenticator) record(ctx context.Context, c viewdata.UserCredentials, right bool) error {
	stream, now, state := Stream(c.ID), time.Now(), attemptsOf(c)
	r := call.From(ctx)
	// Failures have new ids even if the call has an idempotency key: otherwise all
	// guesses with one key would count as one.
	ids := [2]string{contract.NewID(), contract.NewID()}
	var actor *wrapperspb.StringValue
	if right {
		ids[0], actor = r.MessageID(), wrapperspb.String(c.ID)
	}
	for range maxTries {
		events := state.decide(c.ID, right, now)
		if len(events) == 0 {
			return errWrongLogin
		}
		var messages []messagestore.NewMessage
		for i, event := range events {
			m, err := r.Message(ids[i], actor, event)
			if err != nil {
				return err
			}
			messages = append(messages, m)
		}
		_, err := a.store.Write(ctx, stream, state.version, messages...)
		var conflict *messagestore.VersionConflictError
		if errors.As(err, &conflict) {
			if state, err = readAttempts(ctx, a.store, stream); err == nil {
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

// recordUnknown does for an unknown address what record does for a known one, so
// that neither the time nor an error of the store reveals that there is no account.
// It commits an empty write that expects the stream of a new user id to be empty.
func (a *Authenticator) recordUnknown(ctx context.Context) error {
	_, err := a.store.WriteBatch(ctx, messagestore.Write{Stream: Stream(contract.NewID()), Expected: messagestore.None})
	if err != nil {
		return err
	}
	return errWrongLogin
}

const (
	// maxFailures failed log-ins lock an account for lockTime.
	maxFailures = 5
	lockTime    = 15 * time.Minute
	// incorrectPassword is the reason of a failure, as in the original system.
	incorrectPassword = "incorrect password"
)

// attempts is the state of an account's log-ins.
type attempts struct {
	// version is that of the stream authentication-<userId>. The events of the next
	// attempt are written with it as the expected version.
	version messagestore.Version
	// failures counts since the last log-in or lock.
	failures    int64
	lockedUntil time.Time
}

// attemptsOf returns the attempts according to View Data, which may lag.
func attemptsOf(c viewdata.UserCredentials) attempts {
	a := attempts{version: messagestore.Version(c.LastAuthenticationPosition), failures: c.FailedLogins}
	if c.LockedUntil != nil {
		a.lockedUntil = *c.LockedUntil
	}
	return a
}

// decide returns the events of an attempt with a right or wrong password. There are
// none if the account is locked, whatever the password.
func (a attempts) decide(user string, right bool, now time.Time) []proto.Message {
	switch {
	case now.Before(a.lockedUntil):
		return nil
	case right:
		return []proto.Message{&authenticationv1.UserLoggedIn{UserId: user}}
	}
	events := []proto.Message{&authenticationv1.UserLoginFailed{UserId: user, Reason: incorrectPassword}}
	if a.failures+1 >= maxFailures {
		events = append(events, &authenticationv1.AccountLocked{UserId: user, Until: timestamppb.New(now.Add(lockTime))})
	}
	return events
}

// Stream returns the stream of a user's log-ins and log-outs, which the application
// owns.
func Stream(user string) messagestore.Stream {
	return contract.Category((*authenticationv1.UserLoggedIn)(nil)).Stream(user)
}

// readAttempts returns the attempts according to the stream, which it reads from
// its end back to the last log-in or lock.
func readAttempts(ctx context.Context, store messagestore.Store, stream messagestore.Stream) (attempts, error) {
	// Except for log-outs, there are at most maxFailures events before a lock.
	const enough = 100
	a := attempts{version: messagestore.None}
	for m, err := range store.Read(ctx, messagestore.ReadRequest{
		Source: messagestore.OfStream(stream), Backward: true, Limit: enough,
	}) {
		if err != nil {
			return attempts{}, fmt.Errorf("read log-ins: %w", err)
		}
		a.version = max(a.version, messagestore.Version(m.Position))
		switch m.Type {
		case contract.Type((*authenticationv1.UserLoginFailed)(nil)):
			a.failures++
		case contract.Type((*authenticationv1.UserLoggedIn)(nil)):
			return a, nil
		case contract.Type((*authenticationv1.AccountLocked)(nil)):
			locked, err := contract.Decode[*authenticationv1.AccountLocked](m)
			a.lockedUntil = locked.GetUntil().AsTime()
			return a, err
		}
	}
	return a, nil
}
