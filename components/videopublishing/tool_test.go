package videopublishing

import "testing"

// TestRun_OutOfMemory: a program that reads the files of strangers is the first to
// go where the machine has no memory left.
func TestRun_OutOfMemory(t *testing.T) {
	t.Parallel()
	var said []string
	program := script(t, "until [ \"$(cat /proc/$$/oom_score_adj)\" = 1000 ]; do sleep 0.01; done\necho first\n")
	if err := run(t.Context(), program, nil, func(line string) { said = append(said, line) }); err != nil || len(said) != 1 {
		t.Errorf("said %q, %v", said, err)
	}
}
