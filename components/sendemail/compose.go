package sendemail

import (
	"fmt"
	"strings"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"videotutorials/components"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// compose returns the mail with a text and an HTML part, or a
// *components.PermanentError if it can be none. Its Message-ID is its id, so that
// it is one mail, however often it is sent.
func compose(m *sendemailv1.Send, from string) (*gomail.Msg, error) {
	msg, err := newMsg(from)
	if err != nil {
		return nil, err
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

// CheckSender returns nil if mails can be sent in the name of the address.
func CheckSender(from string) error {
	_, err := newMsg(from)
	return err
}

// newMsg returns a mail in the name of the sender, or an error if that is none.
func newMsg(from string) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	if err := msg.From(from); err != nil {
		return nil, fmt.Errorf("sender %q: %w", from, err)
	}
	return msg, nil
}

// encoding leaves a body as it is where every mail server takes it so: then its
// links can be copied from the file, too.
func encoding(body string) gomail.PartOption {
	const longest = 998 // RFC 5322, without the line's end
	for line := range strings.Lines(body) {
		if len(line) > longest || strings.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return gomail.WithPartEncoding(gomail.EncodingQP)
		}
	}
	return gomail.WithPartEncoding(gomail.NoEncoding) // what the library calls 7bit, it encodes
}
