package media

import (
	"crypto/rand"
	"fmt"
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
