package media

import (
	"errors"
	"fmt"
)

// ErrNoSpace means that the disk has too little free space. Videos must not take the
// space that other programs on the disk need, such as the database.
var ErrNoSpace = errors.New("not enough free disk space")

const (
	// reserve is the number of bytes that stay free: enough for the database's
	// write-ahead log between two checkpoints, and for an operator to react.
	reserve = 1 << 30
	// smallDisk is the fraction of a small disk that stays free instead.
	smallDisk = 20
)

// CheckSpace returns ErrNoSpace if the disk would have less free space than 1 GiB, or
// than a twentieth of a smaller disk, after so many bytes more were written.
func (f *Folder) CheckSpace(bytes int64) error {
	free, total, err := f.Space()
	if err != nil {
		return fmt.Errorf("read free space: %w", err)
	}
	// Some file systems report neither total nor free space.
	if reserved := min(reserve, total/smallDisk); total > 0 && free-bytes < reserved {
		return fmt.Errorf("%w: %d MiB are free, %d MiB are reserved", ErrNoSpace, free>>20, reserved>>20)
	}
	return nil
}
