package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"videotutorials/messagestore/contract"
)

const uploadScheme = "upload:"

// UploadURI returns the source URI of an upload: `upload:<uuid>`.
func UploadURI(upload uuid.UUID) string { return uploadScheme + upload.String() }

// ParseUploadURI parses `upload:<uuid>`, with the UUID in canonical form, and reports
// whether the URI has this form.
func ParseUploadURI(uri string) (uuid.UUID, bool) {
	text, ok := strings.CutPrefix(uri, uploadScheme)
	if !ok {
		return uuid.Nil, false
	}
	return contract.ParseUUID(text)
}

// An Upload is being written. End it with Commit or Abort.
type Upload struct {
	scratch *Scratch
	file    *File
	name    string
}

// CreateUpload starts an upload of the owner, which is not visible before Commit. size
// is the expected number of bytes, 0 if unknown. CreateUpload returns ErrNoSpace if the
// disk has too little free space.
func (f *Folder) CreateUpload(owner, upload uuid.UUID, size int64) (*Upload, error) {
	scratch, err := f.Scratch()
	if err != nil {
		return nil, err
	}
	file, err := scratch.Create(uploads, size)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create an upload: %w", err), scratch.Remove())
	}
	return &Upload{scratch, file, uploadName(owner, upload)}, nil
}

// Write appends to the upload. If it returns ErrNoSpace the disk has too little free
// space; call Abort then.
func (u *Upload) Write(p []byte) (int, error) { return u.file.Write(p) }

// Commit syncs the upload to disk and makes it visible. If the owner already has an
// upload with the same id, that one is kept and this one is dropped. After an error the
// upload is usually not visible; it may be if only its name could not be synced.
func (u *Upload) Commit() error {
	err := errors.Join(u.file.file.Sync(), u.file.Close())
	if err == nil {
		err = u.link()
	}
	if err = errors.Join(err, u.scratch.Remove()); err != nil {
		return fmt.Errorf("commit an upload: %w", err)
	}
	return nil
}

func (u *Upload) link() error {
	f, folder := u.scratch.folder, filepath.Dir(u.name)
	if err := f.makeFolder(folder); err != nil {
		return err
	}
	// Unlike a rename, a link does not replace an existing file.
	err := f.root.Link(filepath.Join(u.scratch.name, uploads), u.name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f.sync(folder)
}

// Abort removes everything that was written.
func (u *Upload) Abort() error {
	_ = u.file.Close() // the file is removed even if this fails
	return u.scratch.Remove()
}

// OpenUpload opens an upload of the owner for reading. It returns fs.ErrNotExist if there
// is none with the id.
func (f *Folder) OpenUpload(owner, upload uuid.UUID) (*os.File, error) {
	return f.open(uploadName(owner, upload))
}

// UploadSize returns the size of an upload of the owner in bytes, and whether there is
// one with the id.
func (f *Folder) UploadSize(owner, upload uuid.UUID) (size int64, found bool, err error) {
	info, err := f.root.Stat(uploadName(owner, upload))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read upload size: %w", err)
	}
	return info.Size(), true, nil
}

// UploadPath returns the absolute path of an upload, for programs that read it and for
// Publish.
func (f *Folder) UploadPath(owner, upload uuid.UUID) string {
	return filepath.Join(f.root.Name(), uploadName(owner, upload))
}

// Uploads returns the number of uploads of the owner, and their total size in bytes.
func (f *Folder) Uploads(owner uuid.UUID) (count int, bytes int64, err error) {
	entries, err := fs.ReadDir(f.root.FS(), filepath.Join(uploads, owner.String()))
	for _, entry := range entries {
		info, infoErr := entry.Info()
		if infoErr == nil {
			count, bytes = count+1, bytes+info.Size()
		} else if !errors.Is(infoErr, fs.ErrNotExist) { // swept since
			err = infoErr
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, 0, fmt.Errorf("count uploads: %w", err)
	}
	return count, bytes, nil
}
