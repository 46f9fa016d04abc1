package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// role makes the test binary a parent, a child or a supervised program.
const role = "PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		goleak.VerifyTestMain(m)
	case "parent":
		p, err := Start(as("stubborn", os.Stdout), syscall.SIGKILL)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		<-p.Done()
	case "fail":
		fmt.Println("a line\nthe disk is gone")
		os.Exit(3)
	case "kill":
		fmt.Println("all is well")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "panic":
		panic("no room\nin the house")
	case "drain":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		fmt.Println("up")
		<-ctx.Done()
		fmt.Println("drained")
	case "slack":
		slack, err := os.ReadFile("/proc/self/timerslack_ns")
		fmt.Println(strings.TrimSpace(string(slack)), err)
	case "stubborn":
		ignored := make(chan os.Signal, 1)
		signal.Notify(ignored, syscall.SIGTERM)
		fmt.Println("up")
		for range ignored {
		}
	}
}

func as(what string, output *os.File) *exec.Cmd {
	cmd := exec.Command(os.Args[0]) //nolint:noctx // each test ends it
	cmd.Env = append(os.Environ(), role+"="+what)
	cmd.Stdout, cmd.Stderr = output, output
	return cmd
}
