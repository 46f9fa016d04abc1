package tutorial_test

import (
	"slices"
	"strings"
	"testing"

	"videotutorials/internal/test/running"
	"videotutorials/internal/test/testsystem"
)

// TestTutorial_Commands starts the whole system with the tutorial's files in it
// and runs the tutorial's commands.
func TestTutorial_Commands(t *testing.T) {
	t.Parallel()
	system := testsystem.Start(t, "-overlay", follow(t).overlay)
	blocks := parse(t).commands
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of commands, want one that writes and one that reads", len(blocks))
	}
	system.Shell(blocks[0])
	read := blocks[1]
	for _, line := range slices.Backward(slices.Collect(strings.Lines(blocks[0]))) {
		if strings.HasPrefix(line, "eval ") || strings.HasPrefix(line, "PATH=") {
			read = line + read // each block runs in a shell of its own
		}
	}
	running.Until(t, "two comments written, one rejected, two rows", func() bool {
		output := system.Shell(read)
		return strings.Count(output, "CommentWritten") == 2 && strings.Count(output, "CommentRejected") == 1 && strings.Contains(output, "(2 rows)")
	})
}
