package session

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	authenticationv1 "videotutorials/proto/authentication/v1"
	"videotutorials/viewdata"
)

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
