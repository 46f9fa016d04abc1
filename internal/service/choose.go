package service

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Choose returns the names of those to run, sorted, each once: the given ones, or
// all where none is given. It returns a *UsageError for a name that is none, which
// says those that there are; kind says of what, as "aggregator".
func Choose[T any](kind string, all map[string]T, names []string) ([]string, error) {
	known := slices.Sorted(maps.Keys(all))
	if len(names) == 0 {
		return known, nil
	}
	var chosen []string
	for _, name := range names {
		name = strings.TrimSpace(name)
		if _, ok := all[name]; !ok {
			return nil, &UsageError{fmt.Sprintf("there is no %s %q: %s", kind, name, strings.Join(known, ", "))}
		}
		chosen = append(chosen, name)
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}
