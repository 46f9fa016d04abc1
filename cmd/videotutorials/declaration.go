package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"strings"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// trustDomain is the beginning of every principal.
const trustDomain = "spiffe://videotutorials/"

// declare runs the part's command declare. It returns a *service.UsageError with
// the part's output if the part rejects its settings: without this check it would be
// restarted for ever.
func (p *part) declare(ctx context.Context, env []string) error {
	cmd := exec.CommandContext(ctx, p.path, "declare")
	cmd.Env = env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		return &service.UsageError{Reason: strings.TrimSpace(stderr.String())}
	}
	if err == nil {
		err = json.Unmarshal(text, &p.declaration)
	}
	if err != nil {
		return fmt.Errorf("%s declare: %w %s", p.path, err, stderr.String())
	}
	if kind := p.declaration.Kind; p.further() && kind != "components" && kind != "aggregators" {
		return fmt.Errorf("%s declare: kind is %q, neither components nor aggregators", p.path, kind)
	}
	return nil
}

// declarations are the declarations of all programs.
type declarations struct {
	// principals are the principals of the certificates, by their files' names.
	principals map[string]string
	categories map[messagestore.Category]contract.Declaration
	// aggregators are the paths of the programs, by the aggregators' names.
	aggregators map[string]string
}

// merge merges the declarations of the parts. It returns an error if two parts declare
// a principal or a category differently, or have a component or an aggregator of the
// same name.
func merge(parts []part) (declarations, error) {
	all := declarations{
		principals:  map[string]string{"messagestore": "messagestore", "operator": "operator"},
		categories:  map[messagestore.Category]contract.Declaration{},
		aggregators: map[string]string{},
	}
	names := map[string]string{} // the parts of components and aggregators
	for _, p := range parts {
		for _, name := range p.declaration.Names {
			key := p.declaration.Kind + " " + name
			if other, ok := names[key]; ok {
				return all, fmt.Errorf("%s and %s both have %s", other, p.name, key)
			}
			names[key] = p.name
			if p.declaration.Kind == "aggregators" {
				all.aggregators[name] = p.path
			}
		}
		for name, principal := range p.declaration.Principals {
			if other, ok := all.principals[name]; ok && other != principal {
				return all, fmt.Errorf("%s: the certificate %s is of %s, and of %s", p.name, name, principal, other)
			}
			all.principals[name] = principal
		}
		for _, d := range p.declaration.Categories {
			if other, ok := all.categories[d.Category]; ok && !reflect.DeepEqual(other, d) {
				return all, fmt.Errorf("%s declares the category %v, another program %v", p.name, d, other)
			}
			all.categories[d.Category] = d
		}
	}
	return all, nil
}

// policy pins each category to the owner, and restricts it to the readers, that its
// contract declares. The aggregators read everything: one of them shows all
// messages to administrators.
func (all declarations) policy() messagestore.Policy {
	p := messagestore.Policy{
		Owners:    map[messagestore.Category]messagestore.Principal{},
		Readers:   map[messagestore.Category][]messagestore.Principal{"$all": {trustDomain + "aggregators"}},
		Operators: []messagestore.Principal{trustDomain + "operator"},
	}
	for category, d := range all.categories {
		if d.Owner != "" {
			p.Owners[category] = messagestore.Principal(trustDomain + d.Owner)
		}
		for _, reader := range d.Readers {
			p.Readers[category] = append(p.Readers[category], messagestore.Principal(trustDomain+reader))
		}
	}
	return p
}
