package identity

import (
	"embed"
	htmltemplate "html/template"
	"io"
	"net/url"
	"strings"
	"text/template"
	"time"

	"github.com/google/uuid"

	"videotutorials/components"
	"videotutorials/internal/token"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// confirmWithin is how long the link is good.
const confirmWithin = 7 * 24 * time.Hour

// A Mail is what the mail with the link to confirm a registration is made of.
type Mail struct {
	// PublicURL is where people reach the application, as https://example.org.
	PublicURL *url.URL
	// Secret signs the link.
	Secret token.Secret
}

//go:embed mail.txt mail.html
var files embed.FS

var (
	textBody = template.Must(template.ParseFS(files, "mail.txt"))
	htmlBody = htmltemplate.Must(htmltemplate.ParseFS(files, "mail.html"))
)

// send has the mail sent, unless it is known what became of it. It says the same
// each time, since the link expires by the time of the registration.
func (m Mail) send(i identity, registered *identityv1.Registered, cause components.Cause) []components.Emit {
	if i.mailed {
		return nil
	}
	link := m.link(registered.GetUserId(), cause.Message.Time.Add(confirmWithin))
	id := mailID(registered.GetUserId())
	return []components.Emit{components.Command(id, &sendemailv1.Send{
		EmailId: id,
		To:      registered.GetEmail(),
		Subject: "Confirm your registration at Video Tutorials",
		Text:    body(textBody, link),
		Html:    body(htmlBody, link),
	})}
}

// link returns where the user confirms.
func (m Mail) link(userID string, expires time.Time) string {
	u := m.PublicURL.JoinPath("v1", "users", userID+":confirm")
	u.RawQuery = url.Values{"token": {m.Secret.Sign(token.ConfirmRegistration, userID, expires)}}.Encode()
	return u.String()
}

// body returns the body with the link. The templates are the program's own, so
// that an error is one of the program.
func body(t interface{ Execute(io.Writer, any) error }, link string) string {
	var b strings.Builder
	if err := t.Execute(&b, link); err != nil {
		panic(err)
	}
	return b.String()
}

// mailID returns the id of the mail with the link: of the purpose and the
// identity, so that each identity has its own, whatever its address, and another
// kind of mail has another. It is frozen.
func mailID(userID string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("videotutorials:registration:"+userID)).String()
}
