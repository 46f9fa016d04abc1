package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"
	"google.golang.org/protobuf/proto"

	"videotutorials/application/call"
	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	authenticationv1 "videotutorials/proto/authentication/v1"
	"videotutorials/viewdata"
)

// A log-in with an unknown address takes as long as one with a known address: the
// password is compared once, with a hash of the same cost.
func TestAuthenticator_D17(t *testing.T) {
	t.Parallel()
	const cost, known = bcrypt.MinCost + 1, "ann@example.com"
	url := testdb.New(t, "view_data", viewdata.Migrate)
	pool, err := viewdata.Open(t.Context(), url, viewdata.Reader)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	p, err := NewPasswords(cost)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "insert into user_credentials (id, email, password_hash) values ($1, $2, $3)", uuid.NewString(), known, hash); err != nil {
		t.Fatal(err)
	}
	var costs []int
	p.compare = func(hash, password []byte) error {
		cost, err := bcrypt.Cost(hash)
		costs = append(costs, cost)
		return errors.Join(err, bcrypt.CompareHashAndPassword(hash, password))
	}
	a := NewAuthenticator(teststore.New(t), pool, p)
	for _, email := range []string{known, "bob@example.com", "no address"} {
		for _, password := range []string{"wrong horse", strings.Repeat("a", maxPassword+1)} {
			costs = nil
			_, err := a.LogIn(t.Context(), email, password)
			if !errors.Is(err, errWrongLogin) || !slices.Equal(costs, []int{cost}) {
				t.Errorf("%s: %v, after comparisons at the costs %v, want one at %d", email, err, costs, cost)
			}
		}
	}
}

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
		"AboveLimit":     {attempts{failures: 9}, false, []string{"UserLoginFailed", "AccountLocked"}},
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
