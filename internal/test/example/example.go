// Package example lets Example functions use the helpers of tests.
package example

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
)

// TB is a testing.TB for an Example function. A failure panics.
type TB struct {
	testing.TB // nil: a method that is not defined here panics
	ctx        context.Context
	cleanups   []func()
}

// New returns a TB. The caller MUST call Close.
func New() *TB {
	ctx, cancel := context.WithCancel(context.Background())
	return &TB{ctx: ctx, cleanups: []func(){cancel}}
}

// Close runs the clean-ups, last in, first out.
func (t *TB) Close() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}

// Helper does nothing.
func (t *TB) Helper() {}

// Context returns a context that ends after the other clean-ups.
func (t *TB) Context() context.Context { return t.ctx }

// Cleanup registers a function that Close calls.
func (t *TB) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

// Output returns the standard error, since an Example's output is its result.
func (t *TB) Output() io.Writer { return os.Stderr }

// Error panics, like Errorf, Fatal and Fatalf.
func (t *TB) Error(args ...any) { panic(fmt.Sprint(args...)) }

// Errorf panics.
func (t *TB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Fatal panics.
func (t *TB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Fatalf panics.
func (t *TB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
