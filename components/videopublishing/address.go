package videopublishing

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"videotutorials/internal/media"
)

// connectTimeout bounds a connection to one address.
const connectTimeout = 10 * time.Second

// An addressError is returned by a dialer for an address that is not public.
type addressError struct {
	address netip.Addr
}

func (e *addressError) Error() string { return fmt.Sprintf("%s is no public address", e.address) }

// dialer returns one that connects to public addresses only. It looks at the
// address that a name was resolved to when it connects to it: a name that is
// looked at before may be resolved to another address later.
func dialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: connectTimeout}
	if !allowPrivate {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			if !media.Public(to.Addr()) {
				return &addressError{to.Addr()}
			}
			return nil
		}
	}
	return d
}
