package application

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"videotutorials/viewdata"
)

// ready returns nil if View Data can be read and the store answers, else what is
// not so.
func (a *Application) ready(ctx context.Context) error {
	var viewData, store error
	var both sync.WaitGroup
	both.Go(func() {
		if _, err := viewdata.ReadHomePage(ctx, a.config.ViewData); err != nil {
			viewData = fmt.Errorf("view data: %w", err)
		}
	})
	both.Go(func() {
		if _, err := a.config.Store.Status(ctx); err != nil {
			store = fmt.Errorf("message store: %w", err)
		}
	})
	both.Wait()
	return errors.Join(viewData, store)
}
