//go:build !linux

package process

import "syscall"

// Only Linux tells a process of its parent's death.
func sendAtDeath(*syscall.SysProcAttr, syscall.Signal) {}

// Only Linux has a slack for timers.
func relaxTimers() {}
