package service

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"

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
// fails if check does, and so tells whether the settings are right.
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
