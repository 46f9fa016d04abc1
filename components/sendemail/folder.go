package sendemail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"

	"videotutorials/components"
	sendemailv1 "videotutorials/proto/sendemail/v1"
)

// Folder is the Transport that writes mails to files, <mail's id>.eml, as mail
// programs open them.
type Folder struct {
	dir, from string
}

// OpenFolder returns the Transport that writes to the folder, which it makes.
func OpenFolder(dir, from string) (*Folder, error) {
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
	return f.replace(id.String()+".eml", msg)
}

// replace writes the file under another name, and then gives it its own.
func (f *Folder) replace(name string, msg *gomail.Msg) (err error) {
	temporary, err := os.CreateTemp(f.dir, "*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	_, err = msg.WriteTo(temporary)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), filepath.Join(f.dir, name)); err != nil {
		return err
	}
	return syncFolder(f.dir)
}

// syncFolder puts the names of the files on disk.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
