package videopublishing

import (
	"context"
	"errors"
	"fmt"

	"videotutorials/components"
	"videotutorials/internal/media"
)

// The codes of failures, beside notOwner.
const (
	notAVideo         = "NOT_A_VIDEO"
	unreachableSource = "UNREACHABLE_SOURCE"
	tooLarge          = "TOO_LARGE"
	failed            = "FAILED"
)

// The faults whose attempts are counted, by PublishAttemptFailed events: the source does
// not answer, the file cannot be read, the attempt times out.
const (
	sourceFault  = "SOURCE"
	fileFault    = "FILE"
	timeoutFault = "TIME"
)

const (
	// sourceAttempts limits the attempts with a source that does not answer.
	sourceAttempts = 4
	// fileAttempts limits the attempts with a file that ffmpeg cannot read, or not in
	// time. A single failure may be the fault of this machine.
	fileAttempts = 2
)

// A failure is the reason why an attempt has failed that is not the fault of this machine.
type failure struct {
	code string
	// reason is for users, cause for the log.
	reason string
	// fault is the fault that is counted, "" if none.
	fault string
	// attempts is the number of attempts with the fault after which the failure is final.
	// With 0 only the last attempt is final.
	attempts int32
	cause    error
}

func (f *failure) Error() string {
	if f.cause == nil {
		return f.reason
	}
	return fmt.Sprintf("%s: %v", f.reason, f.cause)
}

func (f *failure) Unwrap() error { return f.cause }

// reject returns a failure that is final at once.
func reject(code string, cause error, reason string, args ...any) error {
	return &failure{code, fmt.Sprintf(reason, args...), "", 1, cause}
}

func unanswered(cause error, reason string, args ...any) error {
	return &failure{unreachableSource, fmt.Sprintf(reason, args...), sourceFault, sourceAttempts, cause}
}

func unreadable(cause error, reason string, args ...any) error {
	return &failure{failed, fmt.Sprintf(reason, args...), fileFault, fileAttempts, cause}
}

// final reports whether no other attempt follows, if the given number of earlier attempts
// have failed with the same fault.
func (f *failure) final(earlier int32) bool { return f.attempts > 0 && earlier+1 >= f.attempts }

// explain returns the failure that describes any error of an attempt to users.
func explain(err error) *failure {
	var known *failure
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{failed, "it took too long", timeoutFault, fileAttempts, err}
	case errors.Is(err, components.ErrNoResult):
		return &failure{failed, "the system has stopped each time it was published", "", 0, err}
	case errors.Is(err, media.ErrNoSpace):
		return &failure{failed, "the system has too little room for it", "", 0, err}
	}
	return &failure{failed, "the system could not publish it", "", 0, err}
}
