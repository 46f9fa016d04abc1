package videopublishing

import (
	"context"
	"errors"
	"fmt"

	"videotutorials/components"
)

// The codes of failures. notOwner is one, too.
const (
	notAVideo         = "NOT_A_VIDEO"
	unreachableSource = "UNREACHABLE_SOURCE"
	tooLarge          = "TOO_LARGE"
	failed            = "FAILED"
)

// A failure is why a video is not published. Any other error is one of this
// machine.
type failure struct {
	code string
	// reason is for people.
	reason string
	// attempts is how many there may be in all: after so many it is final.
	attempts int32
	// cause is for the log.
	cause error
}

func (f *failure) Error() string {
	if f.cause == nil {
		return f.reason
	}
	return fmt.Sprintf("%s: %v", f.reason, f.cause)
}

func (f *failure) Unwrap() error { return f.cause }

const (
	// onAnswer bounds the attempts to reach a source that does not answer.
	onAnswer = 4
	// onFile bounds the attempts with a file that looks well: whose fault it is
	// that ffmpeg fails cannot be seen, but twice is no accident.
	onFile = 2
)

func refuse(code string, cause error, reason string, args ...any) error {
	return &failure{code, fmt.Sprintf(reason, args...), 1, cause}
}

func unanswered(cause error, reason string, args ...any) error {
	return &failure{unreachableSource, fmt.Sprintf(reason, args...), onAnswer, cause}
}

func broken(cause error, reason string, args ...any) error {
	return &failure{failed, fmt.Sprintf(reason, args...), onFile, cause}
}

// explain returns what people are told of an error after the attempt, and whether
// it is final.
func explain(err error, attempt int32, last bool) (code, reason string, final bool) {
	var known *failure
	switch {
	case errors.As(err, &known):
		return known.code, known.reason, last || attempt >= known.attempts
	case errors.Is(err, context.DeadlineExceeded):
		return failed, "it took too long", last || attempt >= onFile
	case errors.Is(err, components.ErrNoResult):
		return failed, "the system has stopped each time it was published", last
	}
	return failed, "the system could not publish it", last
}
