package main

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"videotutorials/components"
	"videotutorials/components/identity"
	"videotutorials/components/sendemail"
	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/internal/token"
	"videotutorials/messagestore/rpc"
)

type settings struct {
	Port      int      `name:"port" env:"VT_PORT" default:"8080" help:"/metrics, /healthz and /readyz are on this port + 12"`
	Store     string   `name:"messagestore-addr" env:"VT_MESSAGESTORE_ADDR" help:"host:port of the message store, default 127.0.0.1:<port + 10>"`
	Certs     string   `name:"certs" env:"VT_CERTS" help:"folder with ca.crt, and <component>.crt and <component>.key of each component, default <data-dir>/certs"`
	Insecure  bool     `name:"insecure" env:"VT_INSECURE" default:"false" help:"no TLS to the message store"`
	DataDir   string   `name:"data-dir" env:"VT_DATA_DIR" help:"folder with the file secret, 32 bytes or more that sign links, and with the folders mail and media; required"`
	PublicURL string   `name:"public-url" env:"VT_PUBLIC_URL" help:"where people reach the application, for links in mails, default http://127.0.0.1:<port>"`
	SMTP      string   `name:"smtp-url" env:"VT_SMTP_URL" help:"mail server, as smtp://user:password@host:587 or smtps://host; default none: mails are files in <data-dir>/mail"`
	MailFrom  string   `name:"mail-from" env:"VT_MAIL_FROM" default:"no-reply@localhost" help:"address of the sender of mails"`
	Only      []string `name:"only" help:"the components to run, by comma, default all"`
	Group     string   `name:"group" help:"which member of a group this is, as 0-of-2: it takes its share of the entities; default it takes all"`
	videoSettings
}

// A component is one to run.
type component struct {
	// name is that of its package, and of its certificate.
	name      string
	consumers []components.Consumer
}

// all are the components by the names of their packages.
func (s *settings) all(log *slog.Logger, registry prometheus.Registerer) map[string]func() ([]components.Consumer, error) {
	return map[string]func() ([]components.Consumer, error){
		"identity":        s.identity,
		"sendemail":       s.sendemail,
		"videopublishing": func() ([]components.Consumer, error) { return s.videopublishing(log, registry) },
	}
}

// chosen returns the components to run.
func (s *settings) chosen(log *slog.Logger, registry prometheus.Registerer) ([]component, error) {
	if s.DataDir == "" {
		return nil, &service.UsageError{Reason: "VT_DATA_DIR is required"}
	}
	group, err := parseGroup(s.Group)
	if err != nil {
		return nil, err
	}
	all := s.all(log, registry)
	names, err := service.Choose("component", all, s.Only)
	if err != nil {
		return nil, err
	}
	var (
		chosen    []component
		consumers []components.Consumer
	)
	for _, name := range names {
		c, err := all[name]()
		if err != nil {
			return nil, err
		}
		for i := range c {
			c[i].Group = group
		}
		chosen = append(chosen, component{name, c})
		consumers = append(consumers, c...)
	}
	return chosen, components.Distinct(consumers...)
}

func (s *settings) identity() ([]components.Consumer, error) {
	secret, err := token.ReadSecret(filepath.Join(s.DataDir, "secret"))
	if err != nil {
		return nil, err
	}
	public, err := identity.ParsePublicURL(cmp.Or(s.PublicURL, "http://"+service.Addr(s.Port, service.RESTPort)))
	if err != nil {
		return nil, &service.UsageError{Reason: "VT_PUBLIC_URL: " + err.Error()}
	}
	return identity.Consumers(identity.Mail{PublicURL: public, Secret: secret}), nil
}

func (s *settings) sendemail() ([]components.Consumer, error) {
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	return sendemail.Consumers(transport), nil
}

func (s *settings) transport() (sendemail.Transport, error) {
	if err := sendemail.CheckSender(s.MailFrom); err != nil {
		return nil, &service.UsageError{Reason: "VT_MAIL_FROM: " + err.Error()}
	}
	if s.SMTP != "" {
		transport, err := sendemail.OpenSMTP(s.SMTP, s.MailFrom)
		if err != nil {
			return nil, &service.UsageError{Reason: "VT_SMTP_URL: " + err.Error()}
		}
		return transport, nil
	}
	return sendemail.OpenFolder(filepath.Join(s.DataDir, "mail"), s.MailFrom)
}

// dial returns a client of the message store in the name of the component.
func (s *settings) dial(name string) (*rpc.Client, error) {
	var config *tls.Config
	if !s.Insecure {
		var err error
		if config, err = certificate.Client(cmp.Or(s.Certs, filepath.Join(s.DataDir, "certs")), name); err != nil {
			return nil, err
		}
	}
	return rpc.Dial(cmp.Or(s.Store, service.Addr(s.Port, service.MessageStorePort)), config)
}
