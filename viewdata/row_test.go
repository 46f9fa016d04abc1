package viewdata_test

import (
	"context"
	"errors"
	"fmt"
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
	video = "00000000-0000-4000-8000-0000000000fe"
)

// rowReads are the reads of one row, by an ID.
var rowReads = map[string]func(context.Context, *pgxpool.Pool, string) error{
	"UserCredentials":        rowRead(viewdata.ReadUserCredentials),
	"UserCredentialsByEmail": rowRead(viewdata.ReadUserCredentialsByEmail),
	"Registration":           rowRead(viewdata.ReadRegistration),
	"VideoOperation":         rowRead(viewdata.ReadVideoOperation),
	"CreatorsVideo": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		_, err := viewdata.ReadCreatorsVideo(ctx, db, ada, id)
		return err
	},
	"CreatorsVideo by owner": func(ctx context.Context, db *pgxpool.Pool, id string) error {
		_, err := viewdata.ReadCreatorsVideo(ctx, db, id, ada)
		return err
	},
	"PublishedVideo": rowRead(viewdata.ReadPublishedVideo),
	"AdminUser":      rowRead(viewdata.ReadAdminUser),
	"AdminMessage":   rowRead(viewdata.ReadAdminMessage),
}

func rowRead[T any](read func(context.Context, *pgxpool.Pool, string) (T, error)) func(context.Context, *pgxpool.Pool, string) error {
	return func(ctx context.Context, db *pgxpool.Pool, id string) error {
		_, err := read(ctx, db, id)
		return err
	}
}

// listReads are the reads of pages. They return the number of rows and the next
// token.
var listReads = map[string]func(context.Context, *pgxpool.Pool, viewdata.PageRequest) (int, string, error){
	"HomePageVideos":  listRead(viewdata.ReadHomePageVideos),
	"CreatorsVideos":  listRead(readAdasVideos),
	"AdminUsers":      listRead(viewdata.ReadAdminUsers),
	"AdminStreams":    listRead(viewdata.ReadAdminStreams),
	"AdminPositions":  listRead(readPositions),
	"AdminMessages":   listRead(readMessages),
	"AdminTypes":      listRead(viewdata.ReadAdminTypes),
	"AdminCategories": listRead(viewdata.ReadAdminCategories),
}

func listRead[T any](read func(context.Context, *pgxpool.Pool, viewdata.PageRequest) (viewdata.Page[T], error)) func(context.Context, *pgxpool.Pool, viewdata.PageRequest) (int, string, error) {
	return func(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (int, string, error) {
		page, err := read(ctx, db, r)
		return len(page.Rows), page.Next, err
	}
}

func readAdasVideos(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (viewdata.Page[viewdata.CreatorsVideo], error) {
	return viewdata.ReadCreatorsVideos(ctx, db, ada, r)
}

func readPositions(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (viewdata.Page[viewdata.AdminPosition], error) {
	return viewdata.ReadAdminPositions(ctx, db, 0, r)
}

func readMessages(ctx context.Context, db *pgxpool.Pool, r viewdata.PageRequest) (viewdata.Page[viewdata.AdminMessage], error) {
	return viewdata.ReadAdminMessages(ctx, db, viewdata.MessageFilter{}, r)
}

// TestReads_Empty_D16 reads rows by unknown and malformed IDs, and empty lists.
func TestReads_Empty_D16(t *testing.T) {
	t.Parallel()
	db := open(t, migrated(t), viewdata.Reader)
	for name, read := range rowReads {
		for _, id := range []string{ada, "", "undefined", "urn:uuid:" + ada, "{" + ada + "}", strings.ReplaceAll(ada, "-", ""), "\x00", "\xff", strings.Repeat("9", 100_000)} {
			if err := read(t.Context(), db, id); !errors.Is(err, viewdata.ErrNotFound) {
				t.Errorf("%s %.50q: %v, want ErrNotFound", name, id, err)
			}
		}
	}
	for name, list := range listReads {
		if n, next, err := list(t.Context(), db, viewdata.PageRequest{}); n != 0 || next != "" || err != nil {
			t.Errorf("%s: %d rows, %q, %v, want none", name, n, next, err)
		}
	}
	if home, err := viewdata.ReadHomePage(t.Context(), db); home.VideosWatched != 0 || err != nil {
		t.Errorf("home page %+v, %v, want zeros", home, err)
	}
	for _, id := range []string{ada, "undefined", "\x00"} {
		if page, err := viewdata.ReadCreatorsVideos(t.Context(), db, id, viewdata.PageRequest{}); len(page.Rows) != 0 || err != nil {
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
	for name, read := range rowReads {
		check(name, read(t.Context(), db, ada))
	}
	for name, list := range listReads {
		_, _, err := list(t.Context(), db, viewdata.PageRequest{})
		check(name, err)
	}
	check("SessionEnded", rowRead(viewdata.ReadSessionEnded)(t.Context(), db, ada))
}

func TestReadUserCredentials(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	exec(t, url,
		`insert into user_credentials values ('`+bob+`', 'ada@example.com', 'later')`,
		`insert into user_credentials values ('`+ada+`', 'ada@example.com', 'hash', true, true, 3, '2026-01-02 03:04:05.678901+00', 9)`)
	until := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	for by, read := range map[string]func() (viewdata.UserCredentials, error){
		"id": func() (viewdata.UserCredentials, error) { return viewdata.ReadUserCredentials(t.Context(), db, ada) },
		"upper-case id": func() (viewdata.UserCredentials, error) {
			return viewdata.ReadUserCredentials(t.Context(), db, strings.ToUpper(ada))
		},
		"e-mail": func() (viewdata.UserCredentials, error) {
			return viewdata.ReadUserCredentialsByEmail(t.Context(), db, "ada@example.com")
		},
	} {
		c, err := read()
		if err != nil || c.LockedUntil == nil || *c.LockedUntil != until {
			t.Fatalf("by %s: %+v, %v, want locked until %v", by, c, err, until)
		}
		c.LockedUntil = nil
		want := viewdata.UserCredentials{
			ID: ada, Email: "ada@example.com", PasswordHash: "hash", Admin: true, Confirmed: true, FailedLogins: 3, LastAuthenticationPosition: 9,
		}
		if c != want {
			t.Errorf("by %s: %+v, want %+v", by, c, want)
		}
	}
	want := viewdata.UserCredentials{ID: bob, Email: "ada@example.com", PasswordHash: "later", LastAuthenticationPosition: -1}
	if c, err := viewdata.ReadUserCredentials(t.Context(), db, bob); err != nil || c != want {
		t.Errorf("%+v, %v, want %+v", c, err, want)
	}
}

func TestReadRegistration(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	exec(t, url, `insert into registrations values ('`+trace+`', '`+bob+`', false, 'EMAIL_TAKEN', 'is taken'), ('`+ada+`', '`+ada+`', true, null, null)`)
	if _, err := viewdata.ReadRegistration(t.Context(), db, ada); !errors.Is(err, viewdata.ErrNotFound) {
		t.Errorf("registration without credentials: %v, want ErrNotFound", err)
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
	url, db := openMigrated(t)
	exec(t, url, `insert into ended_sessions values ('`+ada+`', null, now())`)
	for id, want := range map[string]bool{ada: true, strings.ToUpper(ada): true, bob: false} {
		if got, err := viewdata.ReadSessionEnded(t.Context(), db, id); err != nil || got != want {
			t.Errorf("session %s ended: %v, %v, want %v", id, got, err, want)
		}
	}
}

func TestReadAdminUser(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
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

func TestReadHomePageVideos(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	exec(t, url,
		`insert into home_videos (video_id, name, views) values (gen_random_uuid(), 'not published', 7)`,
		`insert into home_videos values ('`+video+`', 'A name', 9007199254740993, '`+ada+`', 9), ('`+bob+`', null, 0, '`+bob+`', 12)`)
	page, err := viewdata.ReadHomePageVideos(t.Context(), db, viewdata.PageRequest{})
	want := []viewdata.HomePageVideo{
		{VideoID: bob, OwnerID: bob, PublishedPosition: 12},
		{VideoID: video, Name: "A name", Views: 9007199254740993, OwnerID: ada, PublishedPosition: 9},
	}
	if err != nil || page.Next != "" || fmt.Sprint(page.Rows) != fmt.Sprint(want) {
		t.Errorf("%+v, %v, want %+v", page, err, want)
	}
}

func TestReadCreatorsVideos(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	exec(t, url,
		`insert into creators_portal_videos (id, owner_id, name, description, views, source_uri, transcoded_uri, poster_uri, content_type, status, position, first_position)
			values ('`+video+`', '`+ada+`', 'A name', 'About', 5, 'upload:1', '/media/1', '/media/1/poster', 'video/mp4', 'published', 3, 9)`,
		`insert into creators_portal_videos (id, owner_id, source_uri, status, failure_code, failure_reason, position, first_position)
			values ('`+ada+`', '`+ada+`', 'upload:2', 'failed', 'NOT_A_VIDEO', 'is text', 3, 7)`,
		`insert into creators_portal_videos (id, owner_id, status, position, first_position) values ('`+bob+`', '`+bob+`', 'publishing', 0, 8)`)
	first := viewdata.CreatorsVideo{
		ID: video, OwnerID: ada, Name: "A name", Description: "About", Views: 5, Status: viewdata.VideoPublished, SourceURI: "upload:1",
		TranscodedURI: "/media/1", PosterURI: "/media/1/poster", FirstPosition: 9,
	}
	second := viewdata.CreatorsVideo{
		ID: ada, OwnerID: ada, Status: viewdata.VideoFailed, SourceURI: "upload:2", FailureCode: "NOT_A_VIDEO", FailureReason: "is text", FirstPosition: 7,
	}
	page, err := viewdata.ReadCreatorsVideos(t.Context(), db, strings.ToUpper(ada), viewdata.PageRequest{})
	if want := fmt.Sprint([]viewdata.CreatorsVideo{first, second}); err != nil || page.Next != "" || fmt.Sprint(page.Rows) != want {
		t.Errorf("videos %+v, %v, want %s", page, err, want)
	}
	for _, want := range []viewdata.CreatorsVideo{first, second, {ID: bob, OwnerID: bob, Status: viewdata.VideoPublishing, FirstPosition: 8}} {
		if got, err := viewdata.ReadCreatorsVideo(t.Context(), db, want.OwnerID, strings.ToUpper(want.ID)); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	if v, err := viewdata.ReadCreatorsVideo(t.Context(), db, bob, video); !errors.Is(err, viewdata.ErrNotFound) {
		t.Errorf("another's video: %+v, %v, want ErrNotFound", v, err)
	}
	published := viewdata.PublishedVideo{
		ID: video, OwnerID: ada, Name: "A name", TranscodedURI: "/media/1", PosterURI: "/media/1/poster", ContentType: "video/mp4",
	}
	if got, err := viewdata.ReadPublishedVideo(t.Context(), db, video); err != nil || got != published {
		t.Errorf("%+v, %v, want %+v", got, err, published)
	}
	for _, id := range []string{ada, bob} {
		if v, err := viewdata.ReadPublishedVideo(t.Context(), db, id); !errors.Is(err, viewdata.ErrNotFound) {
			t.Errorf("not published: %+v, %v, want ErrNotFound", v, err)
		}
	}
}

func TestReadVideoOperation(t *testing.T) {
	t.Parallel()
	url, db := openMigrated(t)
	exec(t, url, `insert into video_operations (trace_id, video_id, owner_id, succeeded, failure_code, failure_reason)
		values ('`+trace+`', '`+video+`', '`+ada+`', false, 'NOT_A_VIDEO', 'is text'), ('`+bob+`', '`+video+`', '`+bob+`', true, null, null)`)
	for id, want := range map[string]viewdata.VideoOperation{
		trace: {TraceID: trace, VideoID: video, OwnerID: ada, Code: "NOT_A_VIDEO", Reason: "is text"},
		bob:   {TraceID: bob, VideoID: video, OwnerID: bob, Succeeded: true},
	} {
		if got, err := viewdata.ReadVideoOperation(t.Context(), db, id); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}
