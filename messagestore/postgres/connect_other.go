//go:build !linux

package postgres

import "syscall"

// userTimeout does nothing where the kernel has no such setting.
func userTimeout(string, string, syscall.RawConn) error { return nil }
