package sendemail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"videotutorials/components"
	"videotutorials/internal/file"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

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
