package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/jackc/pgx/v5"

	"videotutorials/internal/database"
	"videotutorials/internal/pgserver"
	"videotutorials/internal/process"
	"videotutorials/viewdata"
)

const (
	messageStoreDatabase = "message_store"
	viewDataDatabase     = "view_data"
	mvcDatabase          = "mvc"
)

// SQLSTATEs of Postgres.
const (
	noSuchDatabase    = "3D000"
	duplicateDatabase = "42P04"
)

// databases are the URLs of the two databases.
type databases struct {
	// MessageStore and ViewData are those of the user that creates the databases.
	MessageStore string `json:"messageStore"`
	ViewData     string `json:"viewData"`
	// viewReader is the URL of View Data for the application.
	viewReader string
}

// external returns the two databases of an external Postgres, and creates the
// missing ones.
func external(ctx context.Context, address string) (databases, error) {
	messageStore, err := provide(ctx, address, messageStoreDatabase)
	if err != nil {
		return databases{}, err
	}
	viewData, err := provide(ctx, address, viewDataDatabase)
	// On it view_reader may be unable to log in: the application sets the role.
	return databases{MessageStore: messageStore, ViewData: viewData, viewReader: viewData}, err
}

// provide creates the database unless it exists, and returns its URL. The URL of the
// Postgres may name an existing database, a missing one or none.
func provide(ctx context.Context, address, name string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", errors.New("VT_DATABASE_URL is not of the form postgres://user:password@host:port/database")
	}
	in := func(name string) string {
		v := *u
		v.Path = "/" + name
		return v.String()
	}
	if u.Path == "" || u.Path == "/" {
		address = in("postgres")
	}
	err = create(ctx, address, name)
	if database.SQLState(err) == noSuchDatabase {
		err = create(ctx, in("postgres"), name)
	}
	return in(name), err
}

// create creates the missing databases.
func create(ctx context.Context, address string, names ...string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, name := range names {
		var exists bool
		err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&exists)
		if err == nil && !exists {
			_, err = conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize())
		}
		// Another process may have created it in the meantime.
		if err != nil && database.SQLState(err) != duplicateDatabase {
			return fmt.Errorf("create database %s: %w", name, err)
		}
	}
	return nil
}

// private starts the private Postgres with both databases. Until stop is called, it
// is restarted at the same address when it ends.
func private(ctx context.Context, data folder, log *slog.Logger) (d databases, stop func(), err error) {
	log = log.With("part", "postgres")
	config := pgserver.Config{Dir: data.postgres(), Durable: true, Log: log, Output: data.log("postgres")}
	log.Info("starting Postgres", "file", config.Output)
	server, err := pgserver.Start(ctx, config)
	if err != nil {
		return d, nil, err
	}
	if err := create(ctx, server.URL("postgres"), messageStoreDatabase, viewDataDatabase); err != nil {
		return d, nil, errors.Join(err, server.Stop())
	}
	d = databases{MessageStore: server.URL(messageStoreDatabase), ViewData: server.URL(viewDataDatabase)}
	d.viewReader = d.ViewData + "&user=" + viewdata.Reader // replaces the superuser
	run := func(ctx context.Context) error {
		if server == nil {
			var err error
			if server, err = pgserver.Start(ctx, config); err != nil {
				return err
			}
		}
		select {
		case <-server.Done():
		case <-ctx.Done():
		}
		err := server.Stop()
		server = nil
		return err
	}
	return d, background(ctx, func(ctx context.Context) {
		defer background(ctx, func(ctx context.Context) { process.Rotate(ctx, config.Output) })()
		process.Keep(ctx, log, run)
	}), nil
}
