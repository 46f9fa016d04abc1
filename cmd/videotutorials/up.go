package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"videotutorials/components/identity"
	"videotutorials/components/sendemail"
	"videotutorials/internal/certificate"
	"videotutorials/internal/pgserver"
	"videotutorials/internal/service"
	"videotutorials/viewdata"
)

// up runs the system.
type up struct {
	Port         int      `name:"port" env:"VT_PORT" default:"8080" help:"first of 14 ports on 127.0.0.1; 0 picks free ones"`
	DataDir      string   `name:"data-dir" env:"VT_DATA_DIR" help:"data folder; default /var/lib/videotutorials as root, else $XDG_STATE_HOME/videotutorials"`
	DatabaseURL  string   `name:"database-url" env:"VT_DATABASE_URL" help:"a Postgres that has or gets both databases; default a private one"`
	Only         []string `name:"only" help:"parts to run, as messagestore,application, or single components, as identity; postgres for nothing else; default all"`
	PublicURL    string   `name:"public-url" env:"VT_PUBLIC_URL" help:"where people reach the application, for links in mails; default http://127.0.0.1:<port>"`
	SMTP         string   `name:"smtp-url" env:"VT_SMTP_URL" help:"mail server, as smtp://user:password@host:587 or smtps://host; default none: mails are files in <data-dir>/mail"`
	MailFrom     string   `name:"mail-from" env:"VT_MAIL_FROM" default:"no-reply@localhost" help:"address of the sender of mails"`
	AllowPrivate bool     `name:"allow-private-sources" env:"VT_ALLOW_PRIVATE_SOURCES" help:"videos may come from private addresses, as 10.0.0.1, too"`
	MaxVideoMiB  int      `name:"max-video-mib" env:"VT_MAX_VIDEO_MIB" default:"2048" help:"how many MiB a video may have"`
	Insecure     bool     `name:"insecure" env:"VT_INSECURE" help:"no TLS between the parts: everybody is anonymous"`
}

// trustDomain is what all principals of the system begin with.
const trustDomain = "spiffe://videotutorials/"

// principals are the holders of the certificates, by their files' names.
var principals = map[string]string{
	"messagestore":    "messagestore",
	"application":     "application",
	"aggregators":     "aggregators",
	"identity":        "component/identity",
	"sendemail":       "component/sendemail",
	"videopublishing": "component/videopublishing",
	"operator":        "operator",
}

func (u *up) run(ctx context.Context, log *slog.Logger, _ []string) error {
	if err := u.check(); err != nil {
		return err
	}
	data, err := at(u.DataDir)
	if err != nil {
		return err
	}
	chosen, err := choose(u.Only)
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
	port, err := choosePort(ctx, u.Port)
	if err != nil {
		return err
	}
	if err := issue(data); err != nil {
		return err
	}
	log.Info("certificates are there", "folder", data.certs())
	if err := errors.Join(writePolicy(data), makeSecret(data)); err != nil {
		return err
	}

	d, stop, err := u.databases(ctx, data, log)
	if err != nil {
		return err
	}
	defer stop()
	// The aggregators do it too. Where they do not run yet, the application finds
	// empty tables, and takes what it is told.
	if err := viewdata.Migrate(ctx, d.viewData); err != nil {
		return err
	}
	if err := (state{port, u.Insecure, d.messageStore, d.viewData}).write(data); err != nil {
		return err
	}
	defer background(ctx, func(ctx context.Context) {
		renew(ctx, func() error { return issue(data) }, log)
	})()
	defer os.Remove(data.stateFile()) //nolint:errcheck // nobody reads it once the lock is gone
	u.runParts(ctx, chosen, data, port, d, log)
	return nil
}

// check returns a *service.UsageError for a setting that a part would refuse: it
// would be started again for ever.
func (u *up) check() error {
	if u.MaxVideoMiB <= 0 {
		return &service.UsageError{Reason: fmt.Sprintf("VT_MAX_VIDEO_MIB is %d, at least 1 is allowed", u.MaxVideoMiB)}
	}
	if u.PublicURL != "" {
		if _, err := identity.ParsePublicURL(u.PublicURL); err != nil {
			return &service.UsageError{Reason: "VT_PUBLIC_URL: " + err.Error()}
		}
	}
	if err := sendemail.CheckSender(u.MailFrom); err != nil {
		return &service.UsageError{Reason: "VT_MAIL_FROM: " + err.Error()}
	}
	if u.SMTP != "" {
		if _, err := sendemail.OpenSMTP(u.SMTP, u.MailFrom); err != nil {
			return &service.UsageError{Reason: "VT_SMTP_URL: " + err.Error()}
		}
	}
	return nil
}

// runParts runs the parts until the context ends and they have drained.
func (u *up) runParts(ctx context.Context, chosen []part, data folder, port int, d databases, log *slog.Logger) {
	common := append(data.reach(port, u.Insecure),
		"VT_DATA_DIR="+string(data),
		"VT_MAX_VIDEO_MIB="+strconv.Itoa(u.MaxVideoMiB),
		"VT_ALLOW_PRIVATE_SOURCES="+strconv.FormatBool(u.AllowPrivate),
	)
	for _, p := range chosen {
		log := log.With("part", p.name)
		log.Info("starting a part", "log", data.log(p.name))
		defer background(ctx, func(ctx context.Context) { p.keep(ctx, u, data, d, common, log) })()
	}
	if awaitReady(ctx, chosen, port, log) {
		announce(chosen, port)
		<-ctx.Done()
	}
	log.Info("stopping")
}

// background runs what runs until its context ends, and returns what ends it and
// waits. It outlives the context given, so that all ends in its order.
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

func issue(data folder) error {
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

// renewEvery is how often certificates are looked at: those that end within three
// months are made anew, and the parts take what is there with each connection.
// Where that fails a pair may be half renewed, and fit no more: soon again.
const (
	renewEvery = 24 * time.Hour
	renewAgain = time.Minute
)

func renew(ctx context.Context, issue func() error, log *slog.Logger) {
	next := time.NewTimer(renewEvery)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		wait := renewEvery
		if err := issue(); err != nil {
			wait = renewAgain
			log.Error("certificates are not renewed", "error", err, "again in", wait)
		}
		next.Reset(wait)
	}
}

// databases returns the databases of the Postgres given, or of the private one,
// which runs until stop is called.
func (u *up) databases(ctx context.Context, data folder, log *slog.Logger) (d databases, stop func(), err error) {
	if u.DatabaseURL != "" {
		d, err = external(ctx, u.DatabaseURL)
		return d, func() {}, err
	}
	log = log.With("part", "postgres")
	p := &postgres{config: pgserver.Config{Dir: data.postgres(), Durable: true, Log: log, Output: data.log("postgres")}}
	log.Info("starting Postgres", "log", p.config.Output)
	d, err = p.start(ctx)
	if err != nil {
		return d, nil, err
	}
	return d, background(ctx, func(ctx context.Context) { p.keep(ctx, log) }), nil
}

const (
	// look is how often parts that are not ready are asked.
	look = 20 * time.Millisecond
	// remark is after how many seconds of silence the log says who is not ready.
	remark = 5 * time.Second
)

// awaitReady returns true when all the parts are ready, false when the context
// ends before.
func awaitReady(ctx context.Context, chosen []part, port int, log *slog.Logger) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	said := time.Now()
	for {
		var waiting []any
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(p part) bool {
			reason := p.ready(ctx, client, port)
			if reason != "" {
				waiting = append(waiting, p.name, reason)
			}
			return reason == ""
		})
		if len(chosen) == 0 {
			return true
		}
		if time.Since(said) >= remark {
			log.Info("not ready yet", waiting...)
			said = time.Now()
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}

// announce tells the person at the terminal what to do next.
func announce(chosen []part, port int) {
	url := "http://" + service.Addr(port, service.RESTPort)
	text := "ready\n"
	if slices.ContainsFunc(chosen, func(p part) bool { return p.name == "application" }) {
		text = fmt.Sprintf("ready: record a viewing, and read the home page\n"+
			"  curl -X POST %[1]s/v1/videos/5f0c3c4e-8a43-4f0e-9d5b-6f1f1f1f2a10/viewings\n"+
			"  curl %[1]s/v1/home\n", url)
	}
	_, _ = os.Stdout.WriteString(text)
}
