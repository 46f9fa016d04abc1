package videopublishing

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// longestLine bounds a line of a program, which is one of numbers and names.
const longestLine = 64 << 10

// lines tells each line of the reader, which is read to its end, so that who
// writes is not held up.
func lines(r io.Reader, tell func(string)) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, longestLine)
	for scanner.Scan() {
		tell(scanner.Text())
	}
	_, err := io.Copy(io.Discard, r)
	return errors.Join(scanner.Err(), err)
}

// tailSize is how much of a program's complaints is kept.
const tailSize = 2 << 10

// A tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "?")) }
