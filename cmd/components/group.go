package main

import (
	"fmt"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
)

// parseGroup reads a member of a group, as 0-of-2; nil for "".
func parseGroup(text string) (*messagestore.ConsumerGroup, error) {
	if text == "" {
		return nil, nil
	}
	g := &messagestore.ConsumerGroup{}
	_, err := fmt.Sscanf(text, "%d-of-%d", &g.Member, &g.Size)
	if err != nil || fmt.Sprintf("%d-of-%d", g.Member, g.Size) != text || g.Member < 0 || g.Member >= g.Size {
		return nil, &service.UsageError{Reason: fmt.Sprintf("group is %q, not a member of a group as 0-of-2, counted from 0", text)}
	}
	return g, nil
}
