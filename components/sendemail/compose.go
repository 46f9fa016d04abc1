package sendemail

import (
	"fmt"
	"strings"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"videotutorials/components"
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
