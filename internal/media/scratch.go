package media

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// A Scratch is a folder for work that is not done yet. What is to stay of it is
// published; Remove takes the rest away. A crash leaves it for Sweep.
type Scratch struct {
	folder *Folder
	name   string
}

// Scratch makes a new one.
func (f *Folder) Scratch() (*Scratch, error) {
	s := &Scratch{f, filepath.Join(temporary, rand.Text())}
	if err := f.root.Mkdir(s.name, folderMode); err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	return s, nil
}

// A File is one that is being written, for as long as there is room.
type File struct {
	folder *Folder
	file   *os.File
}

// Create makes a file with that name, see Path, which will have about so many
// bytes; 0 where that is not known. It returns ErrNoRoom where the disk has too
// little room for them.
func (s *Scratch) Create(name string, size int64) (*File, error) {
	if err := s.folder.CheckRoom(size); err != nil {
		return nil, err
	}
	file, err := s.folder.root.OpenFile(filepath.Join(s.name, filepath.Base(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	return &File{s.folder, file}, nil
}

// Write appends to the file. It returns ErrNoRoom, and writes nothing, where the
// disk has too little room by now.
func (f *File) Write(p []byte) (int, error) {
	if err := f.folder.CheckRoom(int64(len(p))); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

// Close ends the writing. What was written need not be on disk yet.
func (f *File) Close() error { return f.file.Close() }

// Path returns the absolute path of the file with that name in the scratch
// folder. The name is the program's own, without a separator.
func (s *Scratch) Path(name string) string {
	return filepath.Join(s.folder.path, s.name, filepath.Base(name))
}

// Remove removes the scratch folder and all that is in it.
func (s *Scratch) Remove() error {
	if err := s.folder.root.RemoveAll(s.name); err != nil {
		return fmt.Errorf("remove a scratch folder: %w", err)
	}
	return nil
}
