package service

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"videotutorials/messagestore/contract"
)

// A Declaration describes a program. The command videotutorials makes
// certificates and the policy of the message store from those of all programs.
type Declaration struct {
	// Kind is "components", "aggregators" or "application".
	Kind string `json:"kind"`
	// Names are the components or aggregators that the program runs.
	Names []string `json:"names"`
	// Principals maps the names of the certificates that the program uses to
	// principals, as "component/identity".
	Principals map[string]string `json:"principals"`
	// Categories are declared by the contracts linked into the program.
	Categories []contract.Declaration `json:"categories"`
}

// Declare returns the command declare, which prints the Declaration as JSON. It
// returns the error of check, if any.
func Declare(d Declaration, settings any, check func() error) Command {
	return Command{
		Name: "declare", Help: "print the principals and the categories of the program as JSON, if its settings are right",
		Settings: settings, Tool: true,
		Run: func(context.Context, *slog.Logger, []string) error {
			if err := check(); err != nil {
				return err
			}
			d.Categories = contract.Declarations()
			return json.NewEncoder(os.Stdout).Encode(d)
		},
	}
}

// Choose returns the names, or all known names if there are none, sorted and without
// duplicates. It returns a *UsageError, which lists the known names, if a name is
// unknown; kind describes the names, as "aggregator".
func Choose(kind string, known, names []string) ([]string, error) {
	known = slices.Sorted(slices.Values(known))
	if len(names) == 0 {
		return known, nil
	}
	var chosen []string
	for _, name := range names {
		name = strings.TrimSpace(name)
		if !slices.Contains(known, name) {
			return nil, &UsageError{fmt.Sprintf("there is no %s %q: %s", kind, name, strings.Join(known, ", "))}
		}
		chosen = append(chosen, name)
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}
