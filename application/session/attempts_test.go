package session

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"videotutorials/application/call"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	authenticationv1 "videotutorials/proto/authentication/v1"
)

const aUser = "c0ffee00-0000-4000-8000-000000000001"

func TestMain(m *testing.M) { testdb.Main(m) }

func TestAttempts_Decide(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		attempts attempts
		right    bool
		want     []string
	}{
		"Right":          {attempts{}, true, []string{"UserLoggedIn"}},
		"Wrong":          {attempts{}, false, []string{"UserLoginFailed"}},
		"FourthWrong":    {attempts{failures: 3}, false, []string{"UserLoginFailed"}},
		"FifthWrong":     {attempts{failures: 4}, false, []string{"UserLoginFailed", "AccountLocked"}},
		"FifthRight":     {attempts{failures: 4}, true, []string{"UserLoggedIn"}},
		"LockedWrong":    {attempts{lockedUntil: now.Add(1)}, false, nil},
		"LockedRight":    {attempts{lockedUntil: now.Add(1)}, true, nil},
		"LockOverRight":  {attempts{lockedUntil: now}, true, []string{"UserLoggedIn"}},
		"LockOverWrong":  {attempts{lockedUntil: now}, false, []string{"UserLoginFailed"}},
		"MoreThanItMay":  {attempts{failures: 9}, false, []string{"UserLoginFailed", "AccountLocked"}},
		"LockedEarlier":  {attempts{lockedUntil: now.Add(-time.Hour), failures: 4}, false, []string{"UserLoginFailed", "AccountLocked"}},
		"LockedAndFails": {attempts{lockedUntil: now.Add(time.Hour), failures: 4}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := c.attempts.decide(aUser, c.right, now)
			var got []string
			for _, e := range events {
				got = append(got, contract.Type(e))
				if named := e.(interface{ GetUserId() string }).GetUserId(); named != aUser {
					t.Errorf("%s names %q", contract.Type(e), named)
				}
				if locked, ok := e.(*authenticationv1.AccountLocked); ok && !locked.GetUntil().AsTime().Equal(now.Add(15*time.Minute)) {
					t.Errorf("the lock ends at %v", locked.GetUntil().AsTime())
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("events are %q, want %q", got, c.want)
			}
		})
	}
}

func TestReadAttempts(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	stream := Stream(aUser)
	now := time.Now()
	r := &call.Request{}
	check := func(version messagestore.Version, failures int64, locked bool) {
		t.Helper()
		got, err := readAttempts(t.Context(), store, stream)
		if err != nil || got.version != version || got.failures != failures || now.Before(got.lockedUntil) != locked {
			t.Errorf("attempts are %+v, %v", got, err)
		}
	}
	write := func(events ...proto.Message) {
		t.Helper()
		for _, e := range events {
			m, err := r.Message(r.MessageID(), r.UserID(), e)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Write(t.Context(), stream, messagestore.Any, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	failed, in, out := &authenticationv1.UserLoginFailed{}, &authenticationv1.UserLoggedIn{}, &authenticationv1.UserLoggedOut{}
	check(messagestore.None, 0, false)
	write(failed, failed)
	check(1, 2, false)
	write(in)
	check(2, 0, false)
	write(failed, out, failed, out)
	check(6, 2, false)
	write(attempts{failures: 4}.decide(aUser, false, now)...)
	check(8, 0, true)
	write(out)
	check(9, 0, true)
	write(in)
	check(10, 0, false)
}
