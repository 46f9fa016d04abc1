//go:build !linux

package process

import "syscall"

// Only Linux signals a child when its parent dies.
func sendAtDeath(*syscall.SysProcAttr, syscall.Signal) {}

// Only Linux has timer slack.
func relaxTimers() {}
