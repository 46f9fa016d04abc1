package sendemail

import (
	"fmt"
	"path/filepath"

	"videotutorials/components"
)

type settings struct {
	SMTP     string `name:"smtp-url" env:"VT_SMTP_URL" help:"mail server, as smtp://user:password@host:587 or smtps://host; default none: mails are files in <data-dir>/mail"`
	MailFrom string `name:"mail-from" env:"VT_MAIL_FROM" default:"no-reply@localhost" help:"address of the sender of mails"`
}

// Component returns the component as components.Main runs it.
func Component() components.Component {
	s := &settings{}
	return components.Component{
		Name:     "sendemail",
		Settings: s,
		Check: func() error {
			if err := CheckSender(s.MailFrom); err != nil {
				return fmt.Errorf("VT_MAIL_FROM: %w", err)
			}
			if s.SMTP == "" {
				return nil
			}
			if _, err := OpenSMTP(s.SMTP, s.MailFrom); err != nil {
				return fmt.Errorf("VT_SMTP_URL: %w", err)
			}
			return nil
		},
		Consumers: func(p components.Process) ([]components.Consumer, error) {
			transport, err := s.transport(p.DataDir)
			if err != nil {
				return nil, err
			}
			return Consumers(transport), nil
		},
	}
}

func (s *settings) transport(dataDir string) (Transport, error) {
	if s.SMTP != "" {
		return OpenSMTP(s.SMTP, s.MailFrom)
	}
	return OpenFolder(filepath.Join(dataDir, "mail"), s.MailFrom)
}
