package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
)

// declared returns the parts of the built programs with their declarations.
func declared(t *testing.T) []part {
	t.Helper()
	parts := slices.Clone(own)
	u := up{MaxVideoMiB: 1, MailFrom: "a@b.test"}
	for i := range parts {
		p := &parts[i]
		p.path = filepath.Join(binaries, p.name)
		if p.name == "messagestore" {
			continue
		}
		if err := p.declare(t.Context(), inherit(u.environment(*p, folder(t.TempDir()), 8080, databases{}))); err != nil {
			t.Fatal(err)
		}
	}
	return parts
}

// The policy pins every category that a proto declares. A category missing from it
// would belong to its first writer.
func TestPolicy(t *testing.T) {
	t.Parallel()
	all, err := merge(declared(t))
	if err != nil {
		t.Fatal(err)
	}
	p := all.policy()
	want := map[string]string{} // owners by category
	files, err := filepath.Glob("../../proto/*/v*/*.proto")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range ownedCategory.FindAllStringSubmatch(string(text), -1) {
			owner := ""
			if o := categoryOwner.FindStringSubmatch(found[0]); o != nil {
				owner = o[1]
			}
			want[found[1]] = owner
		}
	}
	got := map[string]string{}
	for _, d := range all.categories {
		got[string(d.Category)] = d.Owner
		if pinned := p.Owners[d.Category]; d.Owner != "" && pinned != messagestore.Principal(trustDomain+d.Owner) {
			t.Errorf("the owner of %s is %q, want %s", d.Category, pinned, d.Owner)
		}
		if len(p.Readers[d.Category]) != len(d.Readers) {
			t.Errorf("the readers of %s are %q, want %q", d.Category, p.Readers[d.Category], d.Readers)
		}
	}
	if len(want) < 8 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the programs declare the categories\n%v, want those of the protos\n%v", got, want)
	}
	if readers := p.Readers["$all"]; len(readers) != 1 || readers[0] != trustDomain+"aggregators" {
		t.Errorf("readers of $all: %q", readers)
	}
	if len(p.Operators) != 1 || p.Operators[0] != trustDomain+"operator" {
		t.Errorf("operators: %q", p.Operators)
	}
	// Every owner and reader must have a certificate, and every component own a category.
	principals, owners := map[string]bool{}, map[string]bool{}
	for _, principal := range all.principals {
		principals[principal] = true
	}
	for _, d := range all.categories {
		owners[d.Owner] = true
		for _, principal := range append(slices.Clone(d.Readers), d.Owner) {
			if principal != "" && !principals[principal] {
				t.Errorf("the contract of %s names %s, which has no certificate", d.Category, principal)
			}
		}
	}
	for name, principal := range all.principals {
		if name != principal && (principal != "component/"+name || !owners[principal]) {
			t.Errorf("the certificate %s is of %s, which owns no category", name, principal)
		}
	}
}

var (
	ownedCategory = regexp.MustCompile(`(?m)^option \(messagestore\.v1\.owned_categories\) = \{\s*name: "([^"]+)"[^}]*\}`)
	categoryOwner = regexp.MustCompile(`owner: "([^"]+)"`)
)

func TestMerge_Conflicts(t *testing.T) {
	t.Parallel()
	owned := func(owner string) []contract.Declaration {
		return []contract.Declaration{{Category: "comment", Owner: owner}}
	}
	component := func(name, owner string) service.Declaration {
		return service.Declaration{Kind: "components", Names: []string{name}, Principals: map[string]string{name: "component/" + name}, Categories: owned(owner)}
	}
	first := component("comment", "component/comment")
	for name, second := range map[string]service.Declaration{
		"SameName":      component("comment", "component/comment"),
		"OtherOwner":    component("rating", "component/rating"),
		"BaseCertified": component("operator", "component/comment"),
	} {
		if _, err := merge([]part{{name: "one", declaration: first}, {name: "two", declaration: second}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := merge([]part{{name: "one", declaration: first}, {name: "two", declaration: component("rating", "component/comment")}}); err != nil {
		t.Errorf("a contract linked into two programs: %v", err)
	}
}
