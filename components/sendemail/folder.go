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

// Folder is the Transport that writes mails to files, <mail's id>.eml, as mail
// programs open them.
type Folder struct {
	dir, from string
}

// OpenFolder returns the Transport that writes to the folder, which it makes,
// in the name of the sender.
func OpenFolder(dir, from string) (*Folder, error) {
	if err := CheckSender(from); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder for mails: %w", err)
	}
	return &Folder{dir, from}, nil
}

// From is Transport.From.
func (f *Folder) From() string { return f.from }

// Send is Transport.Send. A file is there whole, and on disk, or not at all.
func (f *Folder) Send(_ context.Context, mail *sendemailv1.Send) error {
	id, err := uuid.Parse(mail.GetEmailId())
	if err != nil {
		return &components.PermanentError{Cause: fmt.Errorf("mail's id: %w", err)} // and no path
	}
	msg, err := compose(mail, f.from)
	if err != nil {
		return err
	}
	return file.Replace(filepath.Join(f.dir, id.String()+".eml"), msg)
}
