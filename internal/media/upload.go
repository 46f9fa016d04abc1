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

// UploadURI returns how an upload is named as a source: `upload:<uuid>`.
func UploadURI(upload uuid.UUID) string { return uploadScheme + upload.String() }

// ParseUploadURI returns the upload that `upload:<uuid>` names, the UUID in its
// canonical form, and whether it does.
func ParseUploadURI(uri string) (uuid.UUID, bool) {
	text, ok := strings.CutPrefix(uri, uploadScheme)
	if !ok {
		return uuid.Nil, false
	}
	return contract.ParseUUID(text)
}

// An Upload is one that is being written. Either Commit or Abort ends it.
type Upload struct {
	scratch *Scratch
	file    *File
	name    string
}

// CreateUpload begins an upload of the owner, which will have about so many bytes;
// 0 where that is not known. It is nowhere to be seen before Commit. It returns
// ErrNoRoom where the disk has too little room for it.
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

// Write appends to the upload. It returns ErrNoRoom where the disk has too little
// room by now; then Abort.
func (u *Upload) Write(p []byte) (int, error) { return u.file.Write(p) }

// Commit puts the upload on disk, under its name. Where there is one with that
// id already, it stays as it is, and this one is dropped. After an error the
// upload is not there, or, where only the disk did not take its name, is one that
// nobody was told of, and ends as others do.
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
	// A link, unlike a rename, replaces nothing.
	err := f.root.Link(filepath.Join(u.scratch.name, uploads), u.name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f.sync(folder)
}

// Abort leaves nothing of the upload.
func (u *Upload) Abort() error {
	// What cannot be closed is removed all the same.
	_ = u.file.Close()
	return u.scratch.Remove()
}

// OpenUpload returns an upload of the owner, to be read. It returns
// fs.ErrNotExist if the owner has none with that id, or no longer.
func (f *Folder) OpenUpload(owner, upload uuid.UUID) (*os.File, error) {
	return f.open(uploadName(owner, upload))
}

// HasUpload reports whether the owner has that upload.
func (f *Folder) HasUpload(owner, upload uuid.UUID) (bool, error) {
	_, found, err := f.UploadSize(owner, upload)
	return found, err
}

// UploadSize returns how many bytes an upload of the owner has, and whether there
// is one with that id.
func (f *Folder) UploadSize(owner, upload uuid.UUID) (size int64, found bool, err error) {
	file, err := f.OpenUpload(owner, upload)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer file.Close() //nolint:errcheck // only looked at
	info, err := file.Stat()
	if err != nil {
		return 0, false, err
	}
	return info.Size(), true, nil
}

// UploadPath returns the absolute path of an upload, for a program that is to
// read it, or for Publish.
func (f *Folder) UploadPath(owner, upload uuid.UUID) string {
	return filepath.Join(f.path, uploadName(owner, upload))
}

// Uploads returns how many uploads the owner has, and their bytes.
func (f *Folder) Uploads(owner uuid.UUID) (count int, bytes int64, err error) {
	entries, err := fs.ReadDir(f.root.FS(), filepath.Join(uploads, owner.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("count uploads: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // swept meanwhile
		}
		if err != nil {
			return 0, 0, fmt.Errorf("count uploads: %w", err)
		}
		count, bytes = count+1, bytes+info.Size()
	}
	return count, bytes, nil
}
