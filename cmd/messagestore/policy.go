package main

import (
	"bytes"
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
	text    []byte // of the file when it was last read
}

func openPolicy(path string, log *slog.Logger) (*policyFile, error) {
	p := &policyFile{path: path, log: log}
	if path == "" {
		p.current.Store(&messagestore.Policy{Operators: []messagestore.Principal{operator}})
		return p, nil
	}
	_, err := p.read()
	return p, err
}

func (p *policyFile) now() *messagestore.Policy { return p.current.Load() }

// read reads the file and reports whether its content has changed.
func (p *policyFile) read() (changed bool, err error) {
	text, err := os.ReadFile(p.path)
	if err != nil || p.text != nil && bytes.Equal(text, p.text) {
		return false, err
	}
	p.text = text
	policy, err := messagestore.ParsePolicy(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.path, err)
	}
	if policy.Operators == nil {
		policy.Operators = []messagestore.Principal{operator}
	}
	p.current.Store(policy)
	return true, nil
}

// run polls the file until the context ends. After an error the old policy stays in
// force.
func (p *policyFile) run(ctx context.Context) error {
	if p.path == "" {
		return nil
	}
	ticker := time.NewTicker(policyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		changed, err := p.read()
		switch {
		case err != nil:
			p.log.Error("read the policy: the old one stays in force", "error", err)
		case changed:
			p.log.Info("policy changed", "file", p.path)
		}
	}
}
