package main

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"videotutorials/internal/service"
)

func TestForeign(t *testing.T) {
	t.Parallel()
	got := foreign([]string{"PATH=/bin", "VT_DATABASE_URL=postgres://me:secret@host", "VT_LOG=json", "VT_PORT=1"})
	if want := []string{"PATH=/bin", "VT_LOG=json"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	const odd = `it's $HOME & "more"`
	output, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(odd)).Output()
	if err != nil || string(output) != odd {
		t.Errorf("the shell reads %q, %v, want %q", output, err, odd)
	}
}

// The error lists the known names.
func TestChoose_None(t *testing.T) {
	t.Parallel()
	var usage *service.UsageError
	_, err := choose(declared(t), []string{"messagestore", "operator"})
	const want = `there is no part or component "operator": aggregators, application, components, identity, messagestore, postgres, sendemail, videopublishing`
	if !errors.As(err, &usage) || usage.Reason != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestChoosePort(t *testing.T) {
	t.Parallel()
	port, err := choosePort(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", service.Addr(port, service.AggregatorsOpsPort))
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := choosePort(short, port, 0); err == nil || !strings.Contains(err.Error(), "VT_PORT") {
		t.Errorf("port in use: got %v, want an error that names VT_PORT", err)
	}
	freed := make(chan error, 1)
	go func() {
		got, err := choosePort(t.Context(), port, 0)
		if err == nil && got != port {
			t.Errorf("got %d, want %d", got, port)
		}
		freed <- err
	}()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-freed; err != nil {
		t.Errorf("port free again: %v", err)
	}
}
