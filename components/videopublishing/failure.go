package videopublishing

import (
	"context"
	"errors"
	"fmt"

	"videotutorials/components"
	"videotutorials/internal/media"
)

// The codes of failures. notOwner is one, too.
const (
	notAVideo         = "NOT_A_VIDEO"
	unreachableSource = "UNREACHABLE_SOURCE"
	tooLarge          = "TOO_LARGE"
	failed            = "FAILED"
)

// The faults of which attempts are counted, in PublishAttemptFailed: that a source
// does not answer, that a file cannot be read, that it takes too long.
const (
	ofSource = "SOURCE"
	ofFile   = "FILE"
	ofTime   = "TIME"
)

// A failure is why a video is not published. Any other error is one of this
// machine.
type failure struct {
	code string
	// reason is for people.
	reason string
	// fault is what is counted; "" of this machine, and of what is final at once.
	fault string
	// attempts is how many may fail for the fault: then it is final. 0: as many as
	// there are.
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
	return &failure{code, fmt.Sprintf(reason, args...), "", 1, cause}
}

func unanswered(cause error, reason string, args ...any) error {
	return &failure{unreachableSource, fmt.Sprintf(reason, args...), ofSource, onAnswer, cause}
}

func broken(cause error, reason string, args ...any) error {
	return &failure{failed, fmt.Sprintf(reason, args...), ofFile, onFile, cause}
}

// final reports whether another attempt would be of no use, where as many as
// before have failed for the same fault.
func (f *failure) final(before int32) bool { return f.attempts > 0 && before+1 >= f.attempts }

// explain returns what people are told of an error.
func explain(err error) *failure {
	var known *failure
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{failed, "it took too long", ofTime, onFile, err}
	case errors.Is(err, components.ErrNoResult):
		return &failure{failed, "the system has stopped each time it was published", "", 0, err}
	case errors.Is(err, media.ErrNoSpace):
		return &failure{failed, "the system has too little room for it", "", 0, err}
	}
	return &failure{failed, "the system could not publish it", "", 0, err}
}
