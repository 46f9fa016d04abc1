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

// linkValidity is how long after the registration the confirmation link is valid.
const linkValidity = 7 * 24 * time.Hour

// A Mail is the configuration of the mail with the confirmation link.
type Mail struct {
	// PublicURL is the public address of the application, such as https://example.org.
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

// send emits the command that sends the mail, unless its outcome is known. The mail is
// the same each time: the link expires relative to the time of the registration.
func (m Mail) send(i identity, registered *identityv1.Registered, cause components.Cause) []components.Emit {
	if i.mailed {
		return nil
	}
	userID := registered.GetUserId()
	link := m.PublicURL.JoinPath("v1", "users", userID+":confirm")
	signed := m.Secret.Sign(token.ConfirmRegistration, userID, cause.Message.Time.Add(linkValidity))
	link.RawQuery = url.Values{"token": {signed}}.Encode()
	id := mailID(userID)
	return []components.Emit{components.Command(id, &sendemailv1.Send{
		EmailId: id,
		To:      registered.GetEmail(),
		Subject: "Confirm your registration at Video Tutorials",
		Text:    render(textBody, link),
		Html:    render(htmlBody, link),
	})}
}

// render executes a template with the link. It panics if the template is wrong: it is
// part of the program.
func render(t interface{ Execute(io.Writer, any) error }, link *url.URL) string {
	var b strings.Builder
	if err := t.Execute(&b, link.String()); err != nil {
		panic(err)
	}
	return b.String()
}

// mailID returns the id of the mail with the confirmation link. It derives from the
// purpose and the identity, not from the address: each identity has its own mail. The
// derivation is frozen.
func mailID(userID string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("videotutorials:registration:"+userID)).String()
}
