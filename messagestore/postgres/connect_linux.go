package postgres

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// userTimeout lets a TCP connection break when what was sent is not acknowledged
// for 10 s: without it the kernel goes on trying for a quarter of an hour.
func userTimeout(network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 10_000)
	})
	if err != nil {
		return err
	}
	return failed
}
