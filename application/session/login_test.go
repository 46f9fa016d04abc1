package session

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"

	"videotutorials/internal/test/testdb"
	"videotutorials/internal/test/teststore"
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
