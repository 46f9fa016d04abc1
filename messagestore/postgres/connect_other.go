//go:build !linux

package postgres

import "syscall"

// setUserTimeout does nothing, since the kernel has no such setting.
func setUserTimeout(string, string, syscall.RawConn) error { return nil }
