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
)

const (
	messageStoreDatabase = "message_store"
	viewDataDatabase     = "view_data"
	mvcDatabase          = "mvc"
	// viewReader is the role that may only read View Data.
	viewReader = "view_reader"
)

// databases are the URLs of the two databases.
type databases struct {
	messageStore, viewData string
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
	// There view_reader may be unable to log in: the application sets the role.
	return databases{messageStore: messageStore, viewData: viewData, viewReader: viewData}, err
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

// SQLSTATEs of Postgres.
const (
	noSuchDatabase    = "3D000"
	duplicateDatabase = "42P04"
)

// A postgres is the private Postgres.
type postgres struct {
	config pgserver.Config
	server *pgserver.Server
}

// start starts it for the first time, and creates the databases.
func (p *postgres) start(ctx context.Context) (databases, error) {
	server, err := pgserver.Start(ctx, p.config)
	if err != nil {
		return databases{}, err
	}
	p.server = server
	if err := create(ctx, server.URL("postgres"), messageStoreDatabase, viewDataDatabase); err != nil {
		return databases{}, errors.Join(err, server.Stop())
	}
	d := databases{messageStore: server.URL(messageStoreDatabase), viewData: server.URL(viewDataDatabase)}
	reader, err := url.Parse(d.viewData)
	if err != nil {
		return databases{}, errors.Join(err, server.Stop())
	}
	reader.User = url.User(viewReader)
	d.viewReader = reader.String()
	return d, nil
}

// keep restarts it at the same address when it has died, until the context ends.
// Then it stops it.
func (p *postgres) keep(ctx context.Context, log *slog.Logger) {
	defer background(ctx, func(ctx context.Context) { process.Rotate(ctx, p.config.Output) })()
	process.Keep(ctx, log, func(ctx context.Context) error {
		if p.server == nil {
			server, err := pgserver.Start(ctx, p.config)
			if err != nil {
				return err
			}
			p.server = server
		}
		select {
		case <-p.server.Done():
		case <-ctx.Done():
		}
		err := p.server.Stop()
		p.server = nil
		return err
	})
}
