// Package sendemail is the component that sends mails. It owns the sendEmail
// streams: it takes Send commands and answers with Sent or Failed.
//
//	Send ──▶ SendAttempted ──▶ Sent
//	              ▲       ├──▶ SendAttemptFailed ──▶ (pause)
//	              │       │                             │
//	              └───────│─────────────────────────────┘
//	                      └──▶ Failed, after the fifth, or for good
//
// A mail is sent at least once: where a crash, or a store that is away, swallows
// the Sent of a mail that was handed over, it is sent again, at the earliest 20 s
// after it was last heard of the attempt. For a mail twice is better than never. It has
// the same Message-ID then, by which mail programs show it once.
package sendemail

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"videotutorials/components"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

const (
	// timeout bounds an attempt: mail servers may take long before they take a mail.
	timeout = time.Minute
	// lease is how long a mail waits whose attempt was lost by a crash.
	lease = 20 * time.Second
)

// pauses are those between the attempts: three quarters of an hour in all, which
// gets over the restart of a mail server, and over most greylists.
func pauses() []time.Duration {
	return []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, 30 * time.Minute}
}

// A Transport hands mails over.
type Transport interface {
	// Send hands the mail over to the next server, which has it when Send returns
	// nil. Its error is a *components.PermanentError if another attempt is of no
	// use. The same mail may be sent again.
	Send(ctx context.Context, mail *sendemailv1.Send) error
	// From is the address of the sender.
	From() string
}

// Consumers returns the component's consumers.
func Consumers(transport Transport) []components.Consumer {
	return consumers(transport, timeout, lease, pauses())
}

func consumers(transport Transport, timeout, lease time.Duration, pauses []time.Duration) []components.Consumer {
	s := sender{transport}
	effect := components.Effect[*sendemailv1.Send, mail, *sendemailv1.SendAttempted]{
		Entity: entity, Projection: mails, Pending: mail.due, Attempted: attempted, Do: s.send, Failed: s.failed,
		Timeout: timeout, Lease: lease, Backoff: pauses,
	}
	return []components.Consumer{{
		ID:       "components:send-email",
		Handlers: components.Handlers{effect.Handler()},
	}}
}

// A mail is what is known of one when it is to be sent.
type mail struct {
	// settled says that it was sent, or will not be.
	settled bool
}

var mails = components.Projection[mail]{
	components.When(func(mail, *sendemailv1.Sent) mail { return mail{settled: true} }),
	components.When(func(mail, *sendemailv1.Failed) mail { return mail{settled: true} }),
}

func (m mail) due(*sendemailv1.Send) bool { return !m.settled }

func entity(m *sendemailv1.Send, _ components.Cause) []messagestore.Stream {
	return []messagestore.Stream{contract.Category((*sendemailv1.Sent)(nil)).Stream(m.GetEmailId())}
}

func attempted(m *sendemailv1.Send, attempt int32, until time.Time) *sendemailv1.SendAttempted {
	return &sendemailv1.SendAttempted{EmailId: m.GetEmailId(), Attempt: attempt, Until: timestamppb.New(until)}
}

// A sender sends mails by a transport.
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
