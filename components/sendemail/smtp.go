package sendemail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"

	gomail "github.com/wneessen/go-mail"

	"videotutorials/components"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// SMTP is the Transport that hands mails over to a mail server.
type SMTP struct {
	from    string
	host    string
	tls     bool // from the beginning
	options []gomail.Option
}

// OpenSMTP returns the Transport to the server at the address, as
// smtp://user:password@host:587, in the name of the sender.
//
// With smtp, whose port defaults to 25, the connection is encrypted if the server
// offers it, and must be where there is a password; with smtps, whose port
// defaults to 465, it is from the beginning. The server is asked for nothing yet.
func OpenSMTP(address, from string) (*SMTP, error) {
	if err := CheckSender(from); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("address of the mail server: not a URL") // the cause has the password
	}
	if u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, fmt.Errorf("address of the mail server: %s is not smtp://host:port or smtps://host:port", u.Redacted())
	}
	port, options := 25, []gomail.Option{gomail.WithTLSPolicy(gomail.TLSOpportunistic)}
	if u.User != nil {
		password, _ := u.User.Password()
		options = []gomail.Option{
			gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(u.User.Username()), gomail.WithPassword(password),
		}
	}
	if u.Scheme == "smtps" {
		port, options = 465, append(options, gomail.WithSSL())
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, fmt.Errorf("port of the mail server: %w", err)
		}
	}
	options = append(options, gomail.WithPort(port), gomail.WithTimeout(timeout))
	if _, err := gomail.NewClient(u.Hostname(), options...); err != nil {
		return nil, fmt.Errorf("mail server %s: %w", u.Redacted(), err)
	}
	return &SMTP{from, u.Hostname(), u.Scheme == "smtps", options}, nil
}

// From is Transport.From.
func (s *SMTP) From() string { return s.from }

// Send is Transport.Send. A refusal that the server calls permanent (5yz) is.
func (s *SMTP) Send(ctx context.Context, mail *sendemailv1.Send) error {
	msg, err := compose(mail, s.from)
	if err != nil {
		return err
	}
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	options := s.options
	if !s.tls {
		options = append(slices.Clone(options), gomail.WithDialContextFunc(dialUntil(ctx)))
	}
	// A client has one connection; mails are sent at the same time.
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() {
		return nil // the error is one of the farewell: the server has the mail
	}
	var refused *gomail.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= permanent {
		return &components.PermanentError{Cause: err}
	}
	return err
}

// permanent is the first reply of SMTP that says: not later, either.
const permanent = 500

// dialUntil returns what dials connections that are closed when the context ends:
// the library heeds it only until it has one, which it leaves open where the
// farewell goes wrong. (With smtps it dials itself, since it does not know of
// another's TLS; what it leaves open the garbage collector closes.)
func dialUntil(ctx context.Context) gomail.DialContextFunc {
	return func(within context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(within, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}
