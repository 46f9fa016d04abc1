package videopublishing

import "testing"

// The kernel kills programs that read files of strangers first if memory runs out.
func TestRun_OutOfMemory(t *testing.T) {
	t.Parallel()
	var lines []string
	program := script(t, "until [ \"$(cat /proc/$$/oom_score_adj)\" = 1000 ]; do sleep 0.01; done\necho first\n")
	if err := run(t.Context(), program, nil, func(line string) { lines = append(lines, line) }); err != nil || len(lines) != 1 {
		t.Errorf("lines %q, %v", lines, err)
	}
}
