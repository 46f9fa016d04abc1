// Package sendemail is the component that sends mails. It handles Send commands and
// answers them with Sent or Failed in the sendEmail streams.
//
//	Send ──▶ SendAttempted ──▶ Sent
//	              ▲       ├──▶ SendAttemptFailed ──▶ (backoff)
//	              │       │                             │
//	              └───────│─────────────────────────────┘
//	                      └──▶ Failed, after the fifth attempt or a permanent error
//
// A mail is sent at least once. If a crash or an unavailable store loses the Sent event
// of a mail that was handed over, the mail is sent again after the lease on the attempt
// expires, at least 20 seconds later. Both copies have the same Message-ID, by which
// mail programs show it once.
package sendemail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/components"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

const (
	// timeout limits an attempt: mail servers may take long to accept a mail.
	timeout = time.Minute
	// lease is how long a crash in an attempt delays the mail.
	lease = 20 * time.Second
)

// backoff is the pauses between attempts. Their sum, three quarters of an hour, covers
// the restart of a mail server and most greylists.
func backoff() []time.Duration {
	return []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, 30 * time.Minute}
}

// A Transport hands mails over.
type Transport interface {
	// Send hands the mail over to the next server, which is responsible for it once
	// Send returns nil. It returns a *components.PermanentError if no other attempt
	// can succeed. The same mail may be sent more than once.
	Send(ctx context.Context, mail *sendemailv1.Send) error
	// From returns the address of the sender.
	From() string
}

// Consumers returns the consumers of the component.
func Consumers(transport Transport) []components.Consumer {
	return consumers(transport, timeout, lease, backoff())
}

func consumers(transport Transport, timeout, lease time.Duration, backoff []time.Duration) []components.Consumer {
	s := sender{transport}
	effect := components.Effect[*sendemailv1.Send, mail, *sendemailv1.SendAttempted]{
		Entity: mailStream, Projection: mails, Pending: mail.pending, Attempted: attempted, Do: s.send, Failed: s.failed,
		Timeout: timeout, Lease: lease, Backoff: backoff,
	}
	return []components.Consumer{{
		ID:       "components:send-email",
		Handlers: components.Handlers{effect.Handler()},
	}}
}

// A mail is the state on which decisions are made.
type mail struct {
	// settled is set when the mail was sent or has failed.
	settled bool
}

var mails = components.Projection[mail]{
	components.When(func(mail, *sendemailv1.Sent) mail { return mail{settled: true} }),
	components.When(func(mail, *sendemailv1.Failed) mail { return mail{settled: true} }),
}

func (m mail) pending(*sendemailv1.Send) bool { return !m.settled }

func mailStream(m *sendemailv1.Send, _ components.Cause) []messagestore.Stream {
	return []messagestore.Stream{contract.Category((*sendemailv1.Sent)(nil)).Stream(m.GetEmailId())}
}

func attempted(m *sendemailv1.Send, attempt int32, until time.Time) *sendemailv1.SendAttempted {
	return &sendemailv1.SendAttempted{EmailId: m.GetEmailId(), Attempt: attempt, Until: timestamppb.New(until)}
}

// A sender makes attempts by its transport.
type sender struct {
	transport Transport
}

func (s sender) send(ctx context.Context, m *sendemailv1.Send) ([]components.Emit, error) {
	if err := s.transport.Send(ctx, m); err != nil {
		return nil, err
	}
	return []components.Emit{components.Event(&sendemailv1.Sent{
		EmailId: m.GetEmailId(), To: m.GetTo(), Subject: m.GetSubject(), Text: m.GetText(), Html: m.GetHtml(),
		From: s.transport.From(),
	})}, nil
}

func (s sender) failed(_ mail, m *sendemailv1.Send, attempt int32, last bool, err error) []components.Emit {
	reason := err.Error()
	if errors.Is(err, components.ErrNoResult) {
		reason = "it is not known whether the last attempt has sent it"
	}
	if !last {
		return []components.Emit{components.Event(&sendemailv1.SendAttemptFailed{
			EmailId: m.GetEmailId(), Attempt: attempt, Reason: reason,
		})}
	}
	return []components.Emit{components.Event(&sendemailv1.Failed{
		EmailId: m.GetEmailId(), To: m.GetTo(), Subject: m.GetSubject(), Text: m.GetText(), Html: m.GetHtml(),
		From: s.transport.From(), Reason: reason,
	})}
}

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
			var transport Transport
			var err error
			if s.SMTP != "" {
				transport, err = OpenSMTP(s.SMTP, s.MailFrom)
			} else {
				transport, err = OpenFolder(filepath.Join(p.DataDir, "mail"), s.MailFrom)
			}
			return Consumers(transport), err
		},
	}
}
