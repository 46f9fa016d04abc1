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
	runCommands(t, testsystem.Start(t, nil, "-overlay", follow(t).overlay))
}

// TestTutorial_OtherRepository builds the tutorial's files in a module of its own,
// and runs the tutorial's commands in a system without them that starts the module's
// programs.
func TestTutorial_OtherRepository(t *testing.T) {
	t.Parallel()
	programs := buildElsewhere(t)
	system := testsystem.Start(t, []string{"VT_WITH=" + programs + "/comments," + programs + "/commentviews"})
	runCommands(t, system)
	output := system.Shell(`eval "$(.bin/videotutorials env)"
		psql -At "$VT_PSQL_MESSAGESTORE" -c "select distinct writer from message_store.messages where stream_name like 'comment-%'"
		psql -At "$VT_PSQL_VIEWDATA" -c 'select max(version_id) from migrations_videocomments'
		curl -s "http://127.0.0.1:$((VT_PORT + 14))/readyz" "http://127.0.0.1:$((VT_PORT + 15))/readyz"`)
	if want := "spiffe://videotutorials/component/comment\n1\nready\nready\n"; output != want {
		t.Errorf("writer, migration and health are\n%swant\n%s", output, want)
	}
}

// runCommands runs the tutorial's commands.
func runCommands(t *testing.T, system *testsystem.System) {
	t.Helper()
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
