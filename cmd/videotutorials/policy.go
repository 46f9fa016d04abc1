package main

import (
	"encoding/json"

	"videotutorials/internal/contract"
	"videotutorials/messagestore"
	_ "videotutorials/proto/authentication/v1" // the contracts, whose owners the policy has
	_ "videotutorials/proto/identity/v1"
	_ "videotutorials/proto/sendemail/v1"
	_ "videotutorials/proto/subscriberposition/v1"
	_ "videotutorials/proto/viewing/v1"
)

// policy pins each category to the owner that its contract declares.
func policy() messagestore.Policy {
	p := messagestore.Policy{
		Owners:    map[messagestore.Category]messagestore.Principal{},
		Operators: []messagestore.Principal{trustDomain + "operator"},
	}
	for category, owner := range contract.Owners() {
		if owner != "" {
			p.Owners[category] = messagestore.Principal(trustDomain + owner)
		}
	}
	return p
}

func writePolicy(f folder) error {
	text, err := json.MarshalIndent(policy(), "", "  ")
	if err != nil {
		return err
	}
	return replace(f.policy(), append(text, '\n'))
}
