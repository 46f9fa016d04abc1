package media

import "golang.org/x/sys/unix"

// space returns the bytes of the path's file system that unprivileged programs may use,
// and its total bytes.
func space(path string) (free, total int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, 0, err
	}
	unit := int64(s.Frsize)                                    //nolint:unconvert // of another type on some processors
	return int64(s.Bavail) * unit, int64(s.Blocks) * unit, nil //nolint:gosec // no disk is so large
}
