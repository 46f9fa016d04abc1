package messagestore_test

import (
	"strings"
	"testing"

	"videotutorials/messagestore"
)

func TestParsePolicy(t *testing.T) {
	p, err := messagestore.ParsePolicy([]byte(`{"owners": {"viewing": "app"}, "readers": {"secret": ["identity"], "$all": ["views"]}, "operators": ["boss"]}`))
	if err != nil || p.Pinned("viewing") != "app" || p.Pinned("other") != "" || !p.IsOperator("boss") || p.IsOperator("app") {
		t.Errorf("%+v %v", p, err)
	}
	for text, want := range map[string]string{
		`{`:                              "EOF",
		`{"owner": {}}`:                  `unknown field "owner"`,
		`{} {}`:                          "more than one",
		`{"owners": {"a-b": "x"}}`:       `"a-b" has a dash`,
		`{"owners": {"a:command": "x"}}`: "a:command is a command category",
		`{"owners": {"subscriberPosition": "x"}}`: "subscriberPosition cannot be pinned",
		`{"owners": {"ownership": "x"}}`:          "ownership cannot be pinned",
		`{"owners": {"a": ""}}`:                   "a has no owner",
		`{"readers": {"": ["x"]}}`:                "is required",
	} {
		if _, err := messagestore.ParsePolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestPolicy_Readers(t *testing.T) {
	open := &messagestore.Policy{Operators: []messagestore.Principal{"boss"}}
	one := &messagestore.Policy{
		Readers:   map[messagestore.Category][]messagestore.Principal{"secret": {"identity"}},
		Operators: []messagestore.Principal{"boss"},
	}
	two := &messagestore.Policy{
		Readers:   map[messagestore.Category][]messagestore.Principal{"secret": {"identity"}, "$all": {"views"}},
		Operators: []messagestore.Principal{"boss"},
	}
	for _, test := range []struct {
		policy              *messagestore.Policy
		who                 messagestore.Principal
		secret, public, all bool
	}{
		{open, "anyone", true, true, true},
		{one, "identity", true, true, true},
		{one, "anyone", false, true, false},
		{one, "boss", true, true, true},
		{two, "identity", true, true, false},
		{two, "views", true, true, true},
		{two, "anyone", false, true, false},
		{two, "boss", true, true, true},
	} {
		secret, public, all := test.policy.MayRead(test.who, "secret"), test.policy.MayRead(test.who, "public"), test.policy.MayReadAll(test.who)
		if secret != test.secret || public != test.public || all != test.all {
			t.Errorf("%s of %v: secret %t, public %t, all %t", test.who, test.policy.Readers, secret, public, all)
		}
	}
}
