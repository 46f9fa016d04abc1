package videopublishing

import (
	"context"
	"sync"
	"time"
)

// roomInterval is how often the disk is looked at while a program writes: too short
// for it to write all that is kept free, see media.Folder.CheckSpace.
const roomInterval = 250 * time.Millisecond

// inRoom does it, and returns its error. The context ends when the disk has too
// little room; then, and where it fails while that is so, whatever it says, the
// error is that of CheckSpace.
func (p publishing) inRoom(ctx context.Context, do func(context.Context) error) error {
	roomy, end := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { end(p.awaitFull(roomy)) })
	err := do(roomy)
	full := p.Media.CheckSpace(0)
	if roomy.Err() != nil {
		full = context.Cause(roomy)
	}
	end(nil)
	watching.Wait()
	if err == nil || ctx.Err() != nil || full == nil {
		return err
	}
	return full
}

// awaitFull returns when the disk has too little room, or with the context.
func (p publishing) awaitFull(ctx context.Context) error {
	again := time.NewTicker(roomInterval)
	defer again.Stop()
	for {
		if err := p.Media.CheckSpace(0); err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
