package service

import (
	"errors"
	"slices"
	"testing"
)

func TestChoose(t *testing.T) {
	all := map[string]int{"b": 1, "a": 2, "c": 3}
	for _, test := range []struct{ names, want []string }{
		{nil, []string{"a", "b", "c"}}, {[]string{"c"}, []string{"c"}}, {[]string{"c", " a", "a"}, []string{"a", "c"}},
	} {
		if got, err := Choose("letter", all, test.names); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q: %q %v, want %q", test.names, got, err, test.want)
		}
	}
	var usage *UsageError
	if _, err := Choose("letter", all, []string{"a", "d"}); !errors.As(err, &usage) || usage.Reason != `there is no letter "d": a, b, c` {
		t.Errorf("%v, want wrong usage", err)
	}
}
