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

// operator is the default of the policy's operators.
const operator messagestore.Principal = "spiffe://videotutorials/operator"

// policyInterval is the time between two polls of the policy's file.
const policyInterval = time.Second

// A policyFile is the policy in force, which is read again when its file changes.
type policyFile struct {
	path    string // "" if there is no file: no category is pinned
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
	// Stat first, so that the next poll sees a write after it.
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

// run reads the file when it has changed, until the context ends. After an error the
// old policy stays in force.
func (p *policyFile) run(ctx context.Context) error {
	ticker := time.NewTicker(policyInterval)
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
			p.log.Error("read the policy: the old one stays in force", "error", err)
			continue
		}
		p.log.Info("policy changed", "file", p.path)
	}
}
