package readme_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"videotutorials/internal/test/testsystem"
)

// TestExample_Runs starts the whole system with the example in it and gives the
// README's commands.
func TestExample_Runs(t *testing.T) {
	t.Parallel()
	system := testsystem.Start(t, "-overlay", newcomer(t).overlay)
	blocks := section(t).commands
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of commands, want what is to be done, and what to look at", len(blocks))
	}
	system.Shell(blocks[0])
	look := blocks[1]
	for _, line := range slices.Backward(slices.Collect(strings.Lines(blocks[0]))) {
		if strings.HasPrefix(line, "eval ") || strings.HasPrefix(line, "PATH=") {
			look = line + look // it is another shell
		}
	}
	said := system.Shell(look)
	for deadline := time.Now().Add(testsystem.Patient); !shows(said); said = system.Shell(look) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v the commands say:\n%s", testsystem.Patient, said)
		}
	}
}

// shows reports whether all has come of what the README's commands do.
func shows(said string) bool {
	return strings.Count(said, "CommentWritten") == 2 && strings.Count(said, "CommentRejected") == 1 && strings.Contains(said, "(2 rows)")
}
