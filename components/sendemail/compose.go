package sendemail

import (
	"fmt"

	gomail "github.com/wneessen/go-mail"

	"videotutorials/components"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// compose returns the mail with a text and an HTML part, or a
// *components.PermanentError if it can be none. Its Message-ID is its id, so that
// it is one mail, however often it is sent.
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
	msg.SetBodyString(gomail.TypeTextPlain, m.GetText())
	if m.GetHtml() != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.GetHtml())
	}
	return msg, nil
}
