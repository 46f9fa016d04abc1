package main

import (
	"bytes"
	"encoding/json"
	"os"

	"videotutorials/internal/file"
)

// A state is what a running videotutorials tells `videotutorials env`.
type state struct {
	Port int `json:"port"`
	// Insecure: there is no TLS between the parts.
	Insecure bool `json:"insecure"`
	// MessageStore and ViewData are the superuser's URLs of the databases.
	MessageStore string `json:"messageStore"`
	ViewData     string `json:"viewData"`
}

func (f folder) stateFile() string { return f.run("state.json") }

func (s state) write(f folder) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return file.Replace(f.stateFile(), bytes.NewReader(text))
}

func readState(f folder) (s state, err error) {
	text, err := os.ReadFile(f.stateFile())
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}
