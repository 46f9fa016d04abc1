package main

import (
	"bytes"
	"encoding/json"

	"videotutorials/internal/file"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	_ "videotutorials/proto/authentication/v1" // the contracts, whose owners the policy has
	_ "videotutorials/proto/identity/v1"
	_ "videotutorials/proto/sendemail/v1"
	_ "videotutorials/proto/subscriberposition/v1"
	_ "videotutorials/proto/videopublishing/v1"
	_ "videotutorials/proto/viewing/v1"
)

// policy pins each category to the owner that its contract declares, and lets
// those read it whom that names. The aggregators read everything: one of them
// shows administrators all messages.
func policy() messagestore.Policy {
	p := messagestore.Policy{
		Owners:    map[messagestore.Category]messagestore.Principal{},
		Readers:   map[messagestore.Category][]messagestore.Principal{"$all": {trustDomain + "aggregators"}},
		Operators: []messagestore.Principal{trustDomain + "operator"},
	}
	for _, d := range contract.Declarations() {
		if d.Owner != "" {
			p.Owners[d.Category] = messagestore.Principal(trustDomain + d.Owner)
		}
		for _, reader := range d.Readers {
			p.Readers[d.Category] = append(p.Readers[d.Category], messagestore.Principal(trustDomain+reader))
		}
	}
	return p
}

func writePolicy(f folder) error {
	text, err := json.MarshalIndent(policy(), "", "  ")
	if err != nil {
		return err
	}
	return file.Replace(f.policy(), bytes.NewReader(append(text, '\n')))
}
