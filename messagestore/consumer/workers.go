package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"videotutorials/messagestore"
)

const (
	// maxRunning bounds the tasks that run at the same time: enough to hide the
	// latency of the store, few enough for its queue.
	maxRunning = 16
	// maxUnhandled bounds the messages in memory.
	maxUnhandled = 10_000
	// maxWindow bounds the messages that are repeated after a crash. It is larger:
	// while one message takes hours, later ones are handled.
	maxWindow = 100_000
)

// workers is the BatchHandler of a Consumer with Prepare. Each entity with
// accepted messages has one worker.
type workers struct {
	consumer *Consumer
	parent   context.Context
	// position and last, the place of the last accepted message, belong to the
	// goroutine of the subscription.
	position position
	last     messagestore.Place
	// ctx ends at a stop and when the log has diverged; running counts its
	// goroutines.
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	slots   chan struct{} // has maxRunning tokens
	settled chan struct{} // receives after a message is handled

	mu     sync.Mutex
	window window
	// unhandled counts the messages of the window that are not handled.
	unhandled int
	// queues has the waiting messages of each entity that has a worker.
	queues map[messagestore.Stream][]*accepted
	// failing has the last error of each message that is being retried.
	failing map[*accepted]error
}

func newWorkers(ctx context.Context, c *Consumer, limits limits) (*workers, error) {
	w := &workers{
		consumer: c, parent: ctx,
		position: position{
			store: c.Store, stream: positionStream(member(c.ID, c.Group)), log: c.Log, checkpoint: checkpoint{limits: limits},
		},
		slots: make(chan struct{}, maxRunning), settled: make(chan struct{}, 1),
	}
	w.reset()
	if err := w.position.stream.Check(); err != nil {
		return nil, fmt.Errorf("position stream: %w", err)
	}
	return w, nil
}

// reset empties the window.
func (w *workers) reset() {
	w.ctx, w.cancel = context.WithCancel(w.parent)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.window, w.unhandled = nil, 0
	w.queues, w.failing = map[messagestore.Stream][]*accepted{}, map[*accepted]error{}
}

// Place returns the saved place.
func (w *workers) Place(ctx context.Context) (messagestore.Place, error) {
	if err := w.position.load(ctx); err != nil {
		return messagestore.Place{}, err
	}
	if w.position.version == messagestore.None {
		inherited, err := inherit(ctx, w.position.store, w.consumer.ID)
		if err != nil {
			return messagestore.Place{}, err
		}
		w.position.checkpoint.saved = inherited
	}
	w.position.checkpoint.restart()
	w.last = w.position.checkpoint.current
	return w.last, nil
}

// Handle queues the messages for their workers. It blocks while the window is full,
// but does not wait for the messages to be handled.
func (w *workers) Handle(ctx context.Context, messages []messagestore.Message) (int, error) {
	for i, m := range messages {
		for !w.settle() {
			w.position.saveIfDue(ctx)
			select {
			case <-w.settled:
			case <-w.ctx.Done():
				return i, w.ctx.Err()
			}
		}
		w.accept(&m) // a copy, so that it does not keep the others in memory
		w.last = placeOf(&m)
		w.settle()
		w.position.saveIfDue(ctx)
	}
	return len(messages), nil
}

func (w *workers) accept(m *messagestore.Message) {
	task, err := w.consumer.Prepare(*m)
	if err != nil {
		w.reject(m, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil:
		w.window.add(m, nil).handled = true
	case task.Entity == "" || w.consumer.Group != nil && !w.consumer.Group.Has(task.Entity):
		w.window.skip(placeOf(m))
	default:
		w.unhandled++
		queue, hasWorker := w.queues[task.Entity]
		w.queues[task.Entity] = append(queue, w.window.add(m, task.Run))
		if !hasWorker {
			w.running.Go(func() { w.work(task.Entity) })
		}
	}
}

// Skip moves the position over messages that the subscription has filtered out.
func (w *workers) Skip(ctx context.Context, place messagestore.Place) error {
	w.mu.Lock()
	w.window.skip(place)
	w.mu.Unlock()
	w.last = place
	w.settle()
	w.position.saveIfDue(ctx)
	return nil
}

// Diverged stops the tasks and empties the window, so that the consumer resumes at
// the saved place. It returns an error if that place is not in the log.
func (w *workers) Diverged(_ context.Context, cause error) error {
	wasSaved := w.last == w.position.checkpoint.saved
	w.cancel()
	w.running.Wait()
	w.reset()
	if wasSaved {
		return errors.Join(fmt.Errorf("the position saved in %s is not in the log", w.position.stream), cause)
	}
	return nil
}

// stop waits for the running tasks and saves the position.
func (w *workers) stop(ctx context.Context) {
	w.cancel()
	w.running.Wait()
	w.settle()
	w.position.saveAtStop(ctx)
}

// settle moves the position and reports whether the window has room.
func (w *workers) settle() (room bool) {
	before := w.position.checkpoint.current
	w.mu.Lock()
	w.window.settle(&w.position.checkpoint, time.Now())
	size := len(w.window)
	room = w.unhandled < maxUnhandled && size < maxWindow
	w.mu.Unlock()
	if current := w.position.checkpoint.current; size == 0 || current != before {
		w.consumer.Metrics.moved(w.consumer.ID, current)
	}
	return room
}

// work runs the entity's tasks one after the other until none is left. A task may
// release its entity: then another worker runs the later tasks while it still runs.
func (w *workers) work(entity messagestore.Stream) {
	for a := w.next(entity); a != nil; a = w.next(entity) {
		released := false
		w.handle(a, func() {
			if !released {
				released = true
				w.running.Go(func() { w.work(entity) })
			}
		})
		if released {
			return
		}
	}
}

// next returns the entity's next message, or nil if its worker is to end.
func (w *workers) next(entity messagestore.Stream) *accepted {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.queues[entity]
	if len(queue) == 0 || w.ctx.Err() != nil {
		delete(w.queues, entity)
		return nil
	}
	w.queues[entity] = queue[1:]
	return queue[0]
}

// handle runs the message's task until it succeeds or the context ends.
func (w *workers) handle(a *accepted, release func()) {
	attempt := func() (none struct{}, err error) {
		start := time.Now()
		err = w.try(a, release)
		var invalid *messagestore.InvalidError
		switch {
		case errors.As(err, &invalid):
			w.reject(a.message, err)
			err = nil
		case err == nil:
			w.consumer.Metrics.handled(w.consumer.ID, 1, time.Since(start))
		}
		return none, err
	}
	_, err := backoff.Retry(w.ctx, attempt, backoff.WithBackOff(newBackoff()), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, pause time.Duration) { w.retrying(a, err, pause) }))
	if err == nil {
		w.done(a)
	}
}

// try runs the message's task once, as one of maxRunning.
func (w *workers) try(a *accepted, release func()) error {
	select {
	case w.slots <- struct{}{}:
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
	free := sync.OnceFunc(func() { <-w.slots })
	defer free()
	return Protect(func() error {
		return a.run(w.ctx, func() {
			free()
			w.setFailure(a, nil) // the rest of the task may take hours
			release()
		})
	})
}

func (w *workers) done(a *accepted) {
	w.setFailure(a, nil)
	w.mu.Lock()
	// A position counts as skipped, so that saved positions do not cause others.
	a.skipped = a.message.Stream.Category() == positions
	a.handled = !a.skipped
	a.message, a.run = nil, nil
	w.unhandled--
	w.mu.Unlock()
	select {
	case w.settled <- struct{}{}:
	default:
	}
}

// setFailure records why the message is not handled; nil clears it.
func (w *workers) setFailure(a *accepted, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		delete(w.failing, a)
	} else {
		w.failing[a] = err
	}
}

// failure returns the error of the oldest failing message, or nil.
func (w *workers) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var oldest *accepted
	for a := range w.failing {
		if oldest == nil || a.place.Position < oldest.place.Position {
			oldest = a
		}
	}
	if oldest == nil {
		return nil
	}
	if n := len(w.failing); n > 1 {
		return fmt.Errorf("%s: %d messages fail, the oldest: %w", w.consumer.ID, n, w.failing[oldest])
	}
	return fmt.Errorf("%s: a message fails: %w", w.consumer.ID, w.failing[oldest])
}

// retrying records that the message failed and is retried after the pause.
func (w *workers) retrying(a *accepted, err error, pause time.Duration) {
	err = &MessageError{*a.message, err}
	w.setFailure(a, err)
	w.consumer.Metrics.failed(w.consumer.ID)
	w.consumer.Log.LogAttrs(w.ctx, slog.LevelError, "message not handled, retrying", slog.Any("error", err),
		slog.String("message", a.message.ID), slog.Int64("position", a.message.GlobalPosition), slog.Duration("pause", pause))
}

// reject records that the message is skipped because it can never be handled.
func (w *workers) reject(m *messagestore.Message, err error) {
	w.consumer.Metrics.failed(w.consumer.ID)
	w.consumer.Log.ErrorContext(w.ctx, "message skipped: it cannot be handled", "error", &MessageError{*m, err})
}
