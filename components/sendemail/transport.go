package sendemail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"

	"videotutorials/components"
	"videotutorials/internal/file"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// compose returns the mail with a text part and an HTML part, or a
// *components.PermanentError if the recipient is invalid. The Message-ID derives from
// the mail's id, so all copies of a mail have the same.
func compose(m *sendemailv1.Send, from string) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	if err := msg.From(from); err != nil {
		return nil, fmt.Errorf("sender %q: %w", from, err)
	}
	if err := msg.To(m.GetTo()); err != nil {
		return nil, &components.PermanentError{Cause: fmt.Errorf("recipient %q: %w", m.GetTo(), err)}
	}
	msg.Subject(m.GetSubject())
	msg.SetDate()
	msg.SetMessageIDWithValue(m.GetEmailId() + "@videotutorials")
	msg.SetBodyString(gomail.TypeTextPlain, m.GetText(), encoding(m.GetText()))
	if m.GetHtml() != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.GetHtml(), encoding(m.GetHtml()))
	}
	return msg, nil
}

// CheckSender returns an error if the address is not a valid sender.
func CheckSender(from string) error {
	if err := gomail.NewMsg().From(from); err != nil {
		return fmt.Errorf("sender %q: %w", from, err)
	}
	return nil
}

// encoding returns the encoding of a body: none if every mail server accepts the body
// as it is, so that links can be copied from the file, too.
func encoding(body string) gomail.PartOption {
	const maxLine = 998 // RFC 5322, without the line ending
	for line := range strings.Lines(body) {
		if len(line) > maxLine || strings.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return gomail.WithPartEncoding(gomail.EncodingQP)
		}
	}
	return gomail.WithPartEncoding(gomail.NoEncoding) // the library's 7bit would encode it
}

// Folder is a Transport that writes each mail to a file, <email id>.eml, which mail
// programs can open.
type Folder struct {
	dir, from string
}

// OpenFolder returns a Transport that writes mails of the sender to the folder. It
// creates the folder if necessary.
func OpenFolder(dir, from string) (*Folder, error) {
	if err := CheckSender(from); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mail folder: %w", err)
	}
	return &Folder{dir, from}, nil
}

// From implements Transport.
func (f *Folder) From() string { return f.from }

// Send implements Transport. A crash leaves either a complete file or none.
func (f *Folder) Send(_ context.Context, mail *sendemailv1.Send) error {
	id, err := uuid.Parse(mail.GetEmailId()) // any other id could be a path
	if err != nil {
		return &components.PermanentError{Cause: fmt.Errorf("mail's id: %w", err)}
	}
	msg, err := compose(mail, f.from)
	if err != nil {
		return err
	}
	return file.Replace(filepath.Join(f.dir, id.String()+".eml"), msg)
}

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
