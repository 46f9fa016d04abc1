package viewdata_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"videotutorials/viewdata"
)

const (
	ada   = "00000000-0000-4000-8000-00000000000a"
	bob   = "00000000-0000-4000-8000-00000000000b"
	trace = "00000000-0000-4000-8000-0000000000ff"
)

// only drops what a read returns beside its error.
func only[T any](_ T, err error) error { return err }

// rows are the reads of one row, by id.
var rows = map[string]func(context.Context, *pgxpool.Pool, string) error{
	"Credential": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadCredential(ctx, db, id))
	},
	"CredentialByEmail": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadCredentialByEmail(ctx, db, id))
	},
	"Registration": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadRegistration(ctx, db, id))
	},
	"Operation": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadOperation(ctx, db, id))
	},
	"CreatorVideo": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadCreatorVideo(ctx, db, ada, id))
	},
	"CreatorVideo by its owner": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadCreatorVideo(ctx, db, id, ada))
	},
	"PublishedVideo": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadPublishedVideo(ctx, db, id))
	},
	"AdminUser": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadAdminUser(ctx, db, id))
	},
	"AdminMessage": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		return only(viewdata.ReadAdminMessage(ctx, db, id))
	},
}

// lists are the reads of pages; each returns how many rows and the next token.
var lists = map[string]func(context.Context, *pgxpool.Pool, viewdata.PageRequest) (int, string, error){
	"HomeVideos": func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		return counted(viewdata.ReadHomeVideos(ctx, db, r))
	},
	"CreatorVideos": func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		return counted(viewdata.ReadCreatorVideos(ctx, db, ada, r))
	},
	"AdminUsers": func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		return counted(viewdata.ReadAdminUsers(ctx, db, r))
	},
	"AdminStreams": func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		return counted(viewdata.ReadAdminStreams(ctx, db, r))
	},
	"AdminPositions": func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		return counted(viewdata.ReadAdminPositions(ctx, db, 0, r))
	},
	"AdminMessages": func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		return counted(viewdata.ReadAdminMessages(ctx, db, viewdata.MessageFilter{}, r))
	},
	"AdminTypes": func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		return counted(viewdata.ReadAdminTypes(ctx, db, r))
	},
	"AdminCategories": func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		return counted(viewdata.ReadAdminCategories(ctx, db, r))
	},
}

func counted[T any](page viewdata.Page[T], err error) (int, string, error) {
	return len(page.Rows), page.Next, err
}

// TestD16_NothingThere reads what is not there, by ids that could be and by such
// that no row can have: it is not found, and lists are empty.
func TestD16_NothingThere(t *testing.T) {
	t.Parallel()
	db := open(t, migrated(t), viewdata.Reader)
	for name, read := range rows {
		for _, id := range []string{ada, "", "undefined", "urn:uuid:" + ada, "{" + ada + "}", strings.ReplaceAll(ada, "-", ""), "\x00", "\xff", strings.Repeat("9", 100_000)} {
			if err := read(t.Context(), db, id); !errors.Is(err, viewdata.ErrNotFound) {
				t.Errorf("%s %.50q: %v, want ErrNotFound", name, id, err)
			}
		}
	}
	for name, list := range lists {
		if n, next, err := list(t.Context(), db, viewdata.PageRequest{}); n != 0 || next != "" || err != nil {
			t.Errorf("%s: %d rows, %q, %v, want none", name, n, next, err)
		}
	}
	if home, err := viewdata.ReadHome(t.Context(), db); home.VideosWatched != 0 || err != nil {
		t.Errorf("home page %+v, %v, want zeros", home, err)
	}
	for _, id := range []string{ada, "undefined", "\x00"} {
		if page, err := viewdata.ReadCreatorVideos(t.Context(), db, id, viewdata.PageRequest{}); len(page.Rows) != 0 || err != nil {
			t.Errorf("videos of %q: %d, %v, want none", id, len(page.Rows), err)
		}
		if ended, err := viewdata.ReadSessionEnded(t.Context(), db, id); ended || err != nil {
			t.Errorf("session %q: %v, %v, want not ended", id, ended, err)
		}
	}
}

func TestReads_NotReady(t *testing.T) {
	t.Parallel()
	db := open(t, empty(t), viewdata.Reader)
	check := func(name string, err error) {
		t.Helper()
		var notReady *viewdata.NotReadyError
		if !errors.As(err, &notReady) {
			t.Errorf("%s: %v, want a *NotReadyError", name, err)
		}
	}
	for name, read := range rows {
		check(name, read(t.Context(), db, ada))
	}
	for name, list := range lists {
		_, _, err := list(t.Context(), db, viewdata.PageRequest{})
		check(name, err)
	}
	check("SessionEnded", only(viewdata.ReadSessionEnded(t.Context(), db, ada)))
}

func TestReadCredential(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	db := open(t, url, viewdata.Reader)
	exec(t, url,
		`insert into user_credentials values ('`+bob+`', 'ada@example.com', 'later')`,
		`insert into user_credentials values ('`+ada+`', 'ada@example.com', 'hash', true, true, 3, '2026-01-02 03:04:05.678901+00', 9)`)
	until := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	for how, read := range map[string]func() (viewdata.Credential, error){
		"id": func() (viewdata.Credential, error) { return viewdata.ReadCredential(t.Context(), db, ada) },
		"other id": func() (viewdata.Credential, error) {
			return viewdata.ReadCredential(t.Context(), db, strings.ToUpper(ada))
		},
		"e-mail R1": func() (viewdata.Credential, error) {
			return viewdata.ReadCredentialByEmail(t.Context(), db, "ada@example.com")
		},
	} {
		c, err := read()
		if err != nil || c.LockedUntil == nil || *c.LockedUntil != until {
			t.Fatalf("by %s: %+v, %v, want locked until %v", how, c, err, until)
		}
		c.LockedUntil = nil
		want := viewdata.Credential{
			ID: ada, Email: "ada@example.com", PasswordHash: "hash", Admin: true, Confirmed: true, FailedLogins: 3, LastAuthenticationPosition: 9,
		}
		if c != want {
			t.Errorf("by %s: %+v, want %+v", how, c, want)
		}
	}
	want := viewdata.Credential{ID: bob, Email: "ada@example.com", PasswordHash: "later", LastAuthenticationPosition: -1}
	if c, err := viewdata.ReadCredential(t.Context(), db, bob); err != nil || c != want {
		t.Errorf("%+v, %v, want %+v", c, err, want)
	}
}

func TestReadRegistration(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	db := open(t, url, viewdata.Reader)
	exec(t, url, `insert into registrations values ('`+trace+`', '`+bob+`', false, 'EMAIL_TAKEN', 'is taken'), ('`+ada+`', '`+ada+`', true, null, null)`)
	if _, err := viewdata.ReadRegistration(t.Context(), db, ada); !errors.Is(err, viewdata.ErrNotFound) {
		t.Errorf("of one who cannot log in yet: %v, want ErrNotFound", err)
	}
	exec(t, url, `insert into user_credentials (id, email, password_hash) values ('`+ada+`', 'ada@example.com', 'hash')`)
	for id, want := range map[string]viewdata.Registration{
		trace: {TraceID: trace, UserID: bob, Code: "EMAIL_TAKEN", Reason: "is taken"},
		ada:   {TraceID: ada, UserID: ada, Succeeded: true},
	} {
		if got, err := viewdata.ReadRegistration(t.Context(), db, id); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}

func TestReadSessionEnded(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	db := open(t, url, viewdata.Reader)
	exec(t, url, `insert into ended_sessions values ('`+ada+`', null, now())`)
	for id, want := range map[string]bool{ada: true, strings.ToUpper(ada): true, bob: false} {
		if got, err := viewdata.ReadSessionEnded(t.Context(), db, id); err != nil || got != want {
			t.Errorf("session %s ended: %v, %v, want %v", id, got, err, want)
		}
	}
}

func TestReadAdminUser(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	db := open(t, url, viewdata.Reader)
	exec(t, url, `insert into admin_users values ('`+ada+`', 'ada@example.com', true, 'no mailbox', true, true, 5, 6, 7)`,
		`insert into admin_users values ('`+bob+`')`)
	for id, want := range map[string]viewdata.AdminUser{
		ada: {
			ID: ada, Email: "ada@example.com", RegistrationEmailSent: true, RegistrationEmailFailed: "no mailbox", Confirmed: true, Admin: true,
			LoginCount: 6, LastIdentityEventGlobalPosition: 5, LastAuthenticationEventGlobalPosition: 7,
		},
		bob: {ID: bob},
	} {
		if got, err := viewdata.ReadAdminUser(t.Context(), db, id); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}
