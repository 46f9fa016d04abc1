package media

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// A Scratch is a folder for unfinished work. Publish its results, then Remove it. After
// a crash, Sweep removes it.
type Scratch struct {
	folder *Folder
	name   string
}

// Scratch creates a scratch folder.
func (f *Folder) Scratch() (*Scratch, error) {
	s := &Scratch{f, filepath.Join(temporary, rand.Text())}
	if err := f.root.Mkdir(s.name, folderMode); err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	return s, nil
}

// A File is open for writing while the disk has enough free space.
type File struct {
	folder *Folder
	file   *os.File
}

// Create creates a file in the scratch folder, see Path. size is the expected number of
// bytes, 0 if unknown. Create returns ErrNoSpace if the disk has too little free space.
func (s *Scratch) Create(name string, size int64) (*File, error) {
	if err := s.folder.CheckSpace(size); err != nil {
		return nil, err
	}
	file, err := s.folder.root.OpenFile(filepath.Join(s.name, filepath.Base(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	return &File{s.folder, file}, nil
}

// Write appends to the file. It returns ErrNoSpace, and writes nothing, if the disk has
// too little free space.
func (f *File) Write(p []byte) (int, error) {
	if err := f.folder.CheckSpace(int64(len(p))); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

// Close closes the file without syncing it to disk.
func (f *File) Close() error { return f.file.Close() }

// Path returns the absolute path of the file with the name in the scratch folder. The
// name is chosen by the program and contains no separator.
func (s *Scratch) Path(name string) string {
	return filepath.Join(s.folder.root.Name(), s.name, filepath.Base(name))
}

// Remove removes the scratch folder and everything in it.
func (s *Scratch) Remove() error {
	if err := s.folder.root.RemoveAll(s.name); err != nil {
		return fmt.Errorf("remove a scratch folder: %w", err)
	}
	return nil
}
