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
	// viewReader is the role that may read View Data and nothing else.
	viewReader = "view_reader"
)

// databases are the addresses of the two databases.
type databases struct {
	messageStore, viewData string
	// viewReader is View Data for the application.
	viewReader string
}

// external finds or makes the two databases in a Postgres that runs somewhere.
// The address may name a database that is there, one of the two, or none.
func external(ctx context.Context, address string) (databases, error) {
	messageStore, err := provide(ctx, address, messageStoreDatabase)
	if err != nil {
		return databases{}, err
	}
	viewData, err := provide(ctx, address, viewDataDatabase)
	// There, view_reader may have no way to log in: the application takes its role.
	return databases{messageStore: messageStore, viewData: viewData, viewReader: viewData}, err
}

// provide makes the database, unless it is there, and returns its address. The
// address of its Postgres may name a database that is there, one that is not, or
// none.
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

// create makes what is missing of the databases.
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
		// Another may have made it in the meantime.
		if err != nil && database.SQLState(err) != duplicateDatabase {
			return fmt.Errorf("make database %s: %w", name, err)
		}
	}
	return nil
}

// SQLSTATEs of Postgres.
const (
	noSuchDatabase    = "3D000"
	duplicateDatabase = "42P04"
)

// A postgres is the private one.
type postgres struct {
	config pgserver.Config
	server *pgserver.Server
}

// start starts it for the first time, and makes the databases.
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

// keep starts it again when it has died, at the same address, until the context
// ends; then it is stopped.
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
