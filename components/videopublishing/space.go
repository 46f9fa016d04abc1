package videopublishing

import (
	"context"
	"sync"
	"time"
)

// spaceInterval is the interval of polls of the free disk space: too short for a program to
// write everything that is reserved, see media.Folder.CheckSpace.
const spaceInterval = 250 * time.Millisecond

// whileSpace calls do with a context that ends when the disk has too little free space. It
// returns the error of do, but if do fails when there is too little space, whatever its
// error, it returns that of CheckSpace.
func (p publishing) whileSpace(ctx context.Context, do func(context.Context) error) error {
	limited, cancel := context.WithCancelCause(ctx)
	var polling sync.WaitGroup
	polling.Go(func() { cancel(p.awaitFull(limited)) })
	err := do(limited)
	full := p.Media.CheckSpace(0)
	if limited.Err() != nil {
		full = context.Cause(limited)
	}
	cancel(nil)
	polling.Wait()
	if err == nil || ctx.Err() != nil || full == nil {
		return err
	}
	return full
}

// awaitFull returns the error of CheckSpace once it fails, or that of the context.
func (p publishing) awaitFull(ctx context.Context) error {
	ticker := time.NewTicker(spaceInterval)
	defer ticker.Stop()
	for {
		if err := p.Media.CheckSpace(0); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
