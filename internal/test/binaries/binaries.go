// Package binaries builds the repository's commands for tests that start
// processes. The test binaries of all packages share one build, because linking
// the commands costs more than most of these tests.
package binaries

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"videotutorials/internal/file"
)

// Build builds the commands from the tree and puts them into folder, which MUST
// exist. Flags are passed to go build. A build without flags is shared: it is
// made in .bin/test, where go build links only commands that are out of date,
// and linked or copied to folder.
func Build(ctx context.Context, folder string, flags ...string) error {
	if len(flags) > 0 {
		return build(ctx, folder, flags...)
	}
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	shared := filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), ".bin", "test")
	if err := os.MkdirAll(shared, 0o755); err != nil {
		return err
	}
	lock, err := file.Lock(ctx, shared+".lock", os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // only unlocks
	if err := build(ctx, shared); err != nil {
		return err
	}
	commands, err := os.ReadDir(shared)
	if err != nil {
		return err
	}
	for _, command := range commands {
		if err := link(filepath.Join(shared, command.Name()), filepath.Join(folder, command.Name())); err != nil {
			return err
		}
	}
	return nil
}

func build(ctx context.Context, folder string, flags ...string) error {
	args := slices.Concat([]string{"build", "-o", folder + string(filepath.Separator)}, flags, []string{"videotutorials/cmd/..."})
	if output, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the commands: %w\n%s", err, output)
	}
	return nil
}

// link makes target the same file as source or, on another file system, a copy.
// The file outlives a later build, which replaces source and does not modify it.
func link(source, target string) error {
	if os.Link(source, target) == nil {
		return nil
	}
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()                                                       //nolint:errcheck // only read
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755) //nolint:gosec // a program
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if closing := to.Close(); err == nil {
		err = closing
	}
	return err
}
