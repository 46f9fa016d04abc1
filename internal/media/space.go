package media

import (
	"errors"
	"fmt"
)

// ErrNoRoom is returned where the disk has too little room: what is written here
// must not stop others who write to it, as the database.
var ErrNoRoom = errors.New("the disk has too little room")

const (
	// reserve is how many bytes stay free: as many as the database may have in its
	// write-ahead log before it tidies up, and time for somebody to come.
	reserve = 1 << 30
	// reserveShare is the part of a small disk that stays free instead.
	reserveShare = 20
)

// CheckRoom returns ErrNoRoom if with so many bytes more there would be too little
// room on the disk: at least 1 GiB, or a twentieth of it where that is less, stays
// free.
func (f *Folder) CheckRoom(more int64) error {
	free, size, err := f.Space()
	if err != nil {
		return fmt.Errorf("look for room on the disk: %w", err)
	}
	// A file system that does not say how large it is says nothing of its room.
	if kept := min(reserve, size/reserveShare); size > 0 && free-more < kept {
		return fmt.Errorf("%w: %d MiB are free, and %d MiB stay so", ErrNoRoom, free>>20, kept>>20)
	}
	return nil
}
