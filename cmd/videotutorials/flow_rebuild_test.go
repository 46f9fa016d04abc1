package main

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
)

// A rebuild restores the rows of each view from the log, also after rows were deleted.
// It sends no mail and writes no message.
func TestFlow11_Rebuild(t *testing.T) {
	t.Parallel()
	data := newFolder(t)
	s := start(t, data, nil)
	admin := s.administrator()
	const videos, viewings = 6, 205
	s.videotutorials("populate", "-users", "30", "-videos", fmt.Sprint(videos), "-viewings", fmt.Sprint(viewings-5))
	for range 5 {
		s.watch(uuid.NewString(), uuid.NewString(), nil) // of unknown videos
	}
	if status, _ := s.post("/v1/sessions", `{"email": "admin@example.org", "password": "wrong horse"}`); status != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", status)
	}
	s.send(http.MethodDelete, s.url+"/v1/sessions/current", "", admin...)
	const mails = 31
	s.until("all mails are sent", func() bool {
		return s.countView("select count(*) from admin_users where registration_email_sent") == mails
	})
	s.until("all videos are published and named", func() bool {
		return s.countView("select count(*) from creators_portal_videos where status = 'published' and name <> ''") == videos
	})
	s.stop()

	// Without components the log does not change, and commands stay unhandled.
	s = start(t, data, nil, "-only", "messagestore,aggregators")
	s.writeUnhandled()
	s.until("the aggregators have caught up", s.caughtUp)
	before, stored := s.views(), s.count("select count(*) from message_store.messages")
	for table, hash := range before {
		if hash == "" {
			t.Errorf("%s is empty", table)
		}
	}
	s.deleteRows()
	for _, name := range s.aggregatorNames() {
		s.videotutorials("rebuild", name)
	}
	if now := s.views(); !maps.Equal(now, before) {
		t.Errorf("rows with the hashes %v, want %v", now, before)
	}
	if now := s.count("select count(*) from message_store.messages"); now != stored {
		t.Errorf("%d messages are stored, want %d", now, stored)
	}
	s.stop()

	s = start(t, data, nil)
	s.shows(fmt.Sprint(viewings))
	s.logIn("user-1-1@example.com", populatePassword)
	// Only the unhandled commands are handled.
	s.until("all mails are sent", func() bool { return s.mailed() == mails+2 })
	if n := len(s.mails()); n != mails+2 || s.count("select count(*) from message_store.messages where type = 'Sent'") != mails+2 {
		t.Errorf("%d mails, want %d", n, mails+2)
	}
}

// writeUnhandled writes commands of the application: to register two users and to
// publish two videos.
func (s *system) writeUnhandled() {
	s.t.Helper()
	all := newPopulation(2, 2, 2)
	var writes []messagestore.Write
	for i := range 2 {
		for _, next := range []func(int) (messagestore.Write, error){all.register, all.publish} {
			w, err := next(i)
			if err != nil {
				s.t.Fatal(err)
			}
			writes = append(writes, w)
		}
	}
	if _, err := s.store("application").WriteBatch(s.t.Context(), writes...); err != nil {
		s.t.Fatal(err)
	}
	s.until("the views have the commands", func() bool {
		return s.countView("select (select count(*) from video_publish_requests) + (select count(*) from registration_requests)") == 4
	})
}

// aggregatorNames returns the names that rebuild lists in its error.
func (s *system) aggregatorNames() []string {
	s.t.Helper()
	_, output := finish(s.t, command(s.data, nil, "rebuild", "nothing"))
	_, names, ok := strings.Cut(output, `"nothing": `)
	if !ok {
		s.t.Fatalf("rebuild: output %q", output)
	}
	return strings.Split(strings.TrimSpace(names), ", ")
}

// tables returns the tables of the aggregators.
func (s *system) tables() []string {
	s.t.Helper()
	return connected(s, "VT_PSQL_VIEWDATA", func(conn *pgx.Conn) ([]string, error) {
		rows, err := conn.Query(s.t.Context(), `select tablename from pg_tables
			where schemaname = 'public' and tablename not in ('consumer_positions', 'migrations')`)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowTo[string])
	})
}

// views returns a hash of the rows of each table.
func (s *system) views() map[string]string {
	s.t.Helper()
	hashes := map[string]string{}
	for _, table := range s.tables() {
		hashes[table] = s.rows(table)
	}
	return hashes
}

// deleteRows deletes a row from each table.
func (s *system) deleteRows() {
	s.t.Helper()
	for _, table := range s.tables() {
		name := pgx.Identifier{table}.Sanitize()
		connected(s, "VT_PSQL_VIEWDATA", func(conn *pgx.Conn) (int64, error) {
			done, err := conn.Exec(s.t.Context(), "delete from "+name+" where ctid = (select ctid from "+name+" limit 1)")
			return done.RowsAffected(), err
		})
	}
}

// caughtUp reports whether no aggregator lags behind the log.
func (s *system) caughtUp() bool {
	port, err := strconv.Atoi(exported(s.t, s, "VT_PORT"))
	if err != nil {
		s.t.Fatal(err)
	}
	status, body := s.ask(http.MethodGet, "http://"+service.Addr(port, service.AggregatorsOpsPort)+"/metrics")
	lags := 0
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "consumer_lag_messages{") {
			lags++
			if !strings.HasSuffix(line, "} 0\n") {
				return false
			}
		}
	}
	return status == http.StatusOK && lags >= len(s.aggregatorNames())
}
