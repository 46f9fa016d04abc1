package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"videotutorials/messagestore"
)

// operator is who may read everything and transfer ownership, where the policy
// names no operators.
const operator messagestore.Principal = "spiffe://videotutorials/operator"

// lookAfter is how often the policy's file is looked at.
const lookAfter = time.Second

// A policyFile is the policy that holds, read again when its file changes.
type policyFile struct {
	path    string // "": there is none, and nothing is pinned
	log     *slog.Logger
	current atomic.Pointer[messagestore.Policy]
	seen    os.FileInfo
}

func openPolicy(path string, log *slog.Logger) (*policyFile, error) {
	p := &policyFile{path: path, log: log}
	if path == "" {
		p.current.Store(&messagestore.Policy{Operators: []messagestore.Principal{operator}})
		return p, nil
	}
	return p, p.read()
}

func (p *policyFile) now() *messagestore.Policy { return p.current.Load() }

func (p *policyFile) read() error {
	// The time first: what is written after it is seen by the next look.
	seen, err := os.Stat(p.path)
	if err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	text, err := os.ReadFile(p.path)
	if err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	p.seen = seen
	policy, err := messagestore.ParsePolicy(text)
	if err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	if policy.Operators == nil {
		policy.Operators = []messagestore.Principal{operator}
	}
	p.current.Store(policy)
	return nil
}

// run reads the file when it has changed, until the context ends. What cannot be
// read changes nothing.
func (p *policyFile) run(ctx context.Context) error {
	ticker := time.NewTicker(lookAfter)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if p.path == "" {
			continue
		}
		info, err := os.Stat(p.path)
		if err == nil && os.SameFile(info, p.seen) && info.ModTime().Equal(p.seen.ModTime()) && info.Size() == p.seen.Size() {
			continue
		}
		if err == nil {
			err = p.read()
		}
		if err != nil {
			p.log.Error("the old policy still holds", "error", err)
			continue
		}
		p.log.Info("a new policy holds", "file", p.path)
	}
}
