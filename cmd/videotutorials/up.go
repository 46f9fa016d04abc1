package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/viewdata"
)

// up is the command that runs the system, and its settings.
type up struct {
	Port int `name:"port" env:"VT_PORT" default:"8080" help:"first of 14 ports on 127.0.0.1, and of one more for each program of with; 0 picks free ones"`
	running
	DatabaseURL  string   `name:"database-url" env:"VT_DATABASE_URL" help:"a Postgres for both databases, which are created if missing; default a private one"`
	Only         []string `name:"only" help:"parts to run, as messagestore,application, or single components, as identity; postgres for nothing else; default all"`
	With         []string `name:"with" env:"VT_WITH" help:"further programs of components or aggregators to run, paths, comma-separated"`
	PublicURL    string   `name:"public-url" env:"VT_PUBLIC_URL" help:"address of the application for people, used in mails; default http://127.0.0.1:<port>"`
	SMTP         string   `name:"smtp-url" env:"VT_SMTP_URL" help:"mail server, as smtp://user:password@host:587 or smtps://host; default none: mails are files in <data-dir>/mail"`
	MailFrom     string   `name:"mail-from" env:"VT_MAIL_FROM" default:"no-reply@localhost" help:"address of the sender of mails"`
	AllowPrivate bool     `name:"allow-private-sources" env:"VT_ALLOW_PRIVATE_SOURCES" help:"fetch videos from private addresses, as 10.0.0.1, too"`
	MaxVideoMiB  int      `name:"max-video-mib" env:"VT_MAX_VIDEO_MIB" default:"2048" help:"largest video, in MiB"`
	Insecure     bool     `name:"insecure" env:"VT_INSECURE" help:"no TLS between the parts: every principal is anonymous"`
}

func (u *up) run(ctx context.Context, log *slog.Logger, _ []string) error {
	data, err := dataFolder(u.DataDir)
	if err != nil {
		return err
	}
	parts, err := u.parts(ctx, data)
	if err != nil {
		return err
	}
	chosen, err := choose(parts, u.Only)
	if err != nil {
		return err
	}
	declared, err := merge(parts)
	if err != nil {
		return err
	}
	if err := data.make(); err != nil {
		return err
	}
	held, err := data.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Close() //nolint:errcheck // it only unlocks
	port, err := choosePort(ctx, u.Port, len(u.With))
	if err != nil {
		return err
	}
	issue := func() error { return issue(data, declared.principals) }
	if err := errors.Join(issue(), replaceJSON(data.policy(), declared.policy()), makeSecret(data)); err != nil {
		return err
	}
	log.Info("certificates issued", "folder", data.certs())

	d, stop, err := u.databases(ctx, data, log)
	if err != nil {
		return err
	}
	defer stop()
	// The aggregators migrate, too. Until they run, the application reads empty tables
	// and accepts commands.
	if err := viewdata.Migrate(ctx, d.ViewData); err != nil {
		return err
	}
	if err := replaceJSON(data.stateFile(), state{port, u.Insecure, d, declared.aggregators}); err != nil {
		return err
	}
	defer background(ctx, func(ctx context.Context) { renew(ctx, issue, log) })()
	defer os.Remove(data.stateFile()) //nolint:errcheck // it is not read without the lock
	u.runParts(ctx, chosen, data, port, d, log)
	return nil
}

// runParts runs the parts until the context ends and they have drained.
func (u *up) runParts(ctx context.Context, chosen []part, data folder, port int, d databases, log *slog.Logger) {
	for _, p := range chosen {
		defer background(ctx, func(ctx context.Context) { p.keep(ctx, data, u.environment(p, data, port, d), log) })()
	}
	if awaitReady(ctx, chosen, port, log) {
		announce(chosen, port)
		<-ctx.Done()
	}
	log.Info("stopping")
}

// environment returns the settings of the part. Databases are empty before they
// are known.
func (u *up) environment(p part, data folder, port int, d databases) []string {
	env := append(data.reach(port, u.Insecure),
		"VT_DATA_DIR="+string(data),
		"VT_MAX_VIDEO_MIB="+strconv.Itoa(u.MaxVideoMiB),
		"VT_ALLOW_PRIVATE_SOURCES="+strconv.FormatBool(u.AllowPrivate),
		"VT_PUBLIC_URL="+u.PublicURL,
	)
	if p.further() {
		env = append(env, "VT_OPS_PORT="+strconv.Itoa(port+p.operations))
	}
	switch p.declaration.Kind {
	case "application":
		return append(env, "VT_VIEWDATA_URL="+d.viewReader, "VT_SECRET_FILE="+data.secret(), "VT_MEDIA_DIR="+data.media())
	case "aggregators":
		return append(env, "VT_VIEWDATA_URL="+d.ViewData)
	}
	switch p.name {
	case "messagestore":
		return append(env, "VT_DATABASE_URL="+d.MessageStore, "VT_POLICY="+data.policy())
	case "components": // not for further programs: the URL may contain a password
		return append(env, "VT_SMTP_URL="+u.SMTP, "VT_MAIL_FROM="+u.MailFrom)
	}
	return env
}

// background calls run in a goroutine, and returns a function that cancels its context
// and waits for its end. The end of ctx does not cancel it, so that the caller chooses
// the order in which goroutines end.
func background(ctx context.Context, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// issue issues the certificates of the principals, which have the names of the files
// as keys.
func issue(data folder, principals map[string]string) error {
	authority, err := certificate.OpenAuthority(data.certs())
	if err != nil {
		return err
	}
	for name, principal := range principals {
		if err := authority.Issue(name, trustDomain+principal); err != nil {
			return err
		}
	}
	return nil
}

const (
	// renewInterval is the time between checks of the certificates. Those that expire
	// within three months are replaced; the programs read them for each connection.
	renewInterval = 24 * time.Hour
	// renewRetry is the time until the next check after an error, which may have
	// left a certificate that does not match its key.
	renewRetry = time.Minute
)

func renew(ctx context.Context, issue func() error, log *slog.Logger) {
	wait := renewInterval
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = renewInterval
		if err := issue(); err != nil {
			wait = renewRetry
			log.Error("renew certificates", "error", err, "pause", wait)
		}
	}
}

// databases returns the databases of the given Postgres, or of the private one,
// which runs until stop is called.
func (u *up) databases(ctx context.Context, data folder, log *slog.Logger) (d databases, stop func(), err error) {
	if u.DatabaseURL == "" {
		return private(ctx, data, log)
	}
	d, err = external(ctx, u.DatabaseURL)
	return d, func() {}, err
}

// announce prints that the system is ready, and commands to try.
func announce(chosen []part, port int) {
	if !slices.ContainsFunc(chosen, func(p part) bool { return p.name == "application" }) {
		fmt.Println("ready")
		return
	}
	suggest("the home page", service.Addr(port, service.RESTPort), "5f0c3c4e-8a43-4f0e-9d5b-6f1f1f1f2a10")
}

// suggest prints that the home page is ready, and commands to try.
func suggest(page, address, video string) {
	fmt.Printf("ready: record a viewing, and read %[1]s\n"+
		"  curl -X POST http://%[2]s/v1/videos/%[3]s/viewings\n"+
		"  curl http://%[2]s/v1/home\n", page, address, video)
}
