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

// SMTP is a Transport that hands mails over to a mail server.
type SMTP struct {
	from, host  string
	implicitTLS bool
	options     []gomail.Option
}

// OpenSMTP returns a Transport that hands mails of the sender over to the server at the
// address, such as smtp://user:password@host:587. It does not connect yet.
//
// The default port of smtp is 25. Its connections use STARTTLS if the server offers it;
// with a password they require it. The default port of smtps is 465. Its connections use
// TLS from the start.
func OpenSMTP(address, from string) (*SMTP, error) {
	if err := CheckSender(from); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("address of the mail server: not a URL") // the cause contains the password
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

// From implements Transport.
func (s *SMTP) From() string { return s.from }

// Send implements Transport. Replies from 500 on are permanent errors.
func (s *SMTP) Send(ctx context.Context, mail *sendemailv1.Send) error {
	msg, err := compose(mail, s.from)
	if err != nil {
		return err
	}
	ctx, closeConn := context.WithCancel(ctx)
	defer closeConn()
	options := s.options
	if !s.implicitTLS {
		options = append(slices.Clone(options), gomail.WithDialContextFunc(dialUntil(ctx)))
	}
	// A client has only one connection, and mails are sent concurrently.
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() {
		return nil // the server has accepted the mail, only the end of the session failed
	}
	const permanentReply = 500
	var refused *gomail.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= permanentReply {
		return &components.PermanentError{Cause: err}
	}
	return err
}

// dialUntil returns a dialer whose connections are closed when the context ends. The
// library observes the context only until it is connected, and leaves the connection
// open if the end of the session fails. With smtps the library has to dial itself to use
// TLS; the garbage collector closes those connections.
func dialUntil(ctx context.Context) gomail.DialContextFunc {
	return func(dialCtx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(dialCtx, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}
