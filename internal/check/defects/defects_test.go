// Package defects_test lists the defects of the original system with the tests
// that prevent each in this one.
package defects_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A defect of the original system. Each test is a folder and a function.
type defect struct {
	id, what string
	tests    []string
}

var defects = []defect{
	{"D1", "of two waiting commands for one entity the second is skipped", []string{"components TestQueuedCommands_D1"}},
	{"D2", "a subscription to $all misses every other message", []string{"aggregators TestOnAny_MissesNothing_D2"}},
	{"D3", "a lower global position becomes visible after a higher one was read", []string{"aggregators TestOnAny_ConcurrentWriters_D3"}},
	{"D4", "a batch of filtered messages stops a subscription for good", []string{"aggregators TestRun_ForeignMessages_D4"}},
	{"D5", "a handler's first error ends its subscription", []string{"components TestStoreFails_D5"}},
	{"D6", "a version conflict is recognised by its text, and not on an empty stream", []string{"messagestore/rpc TestConflict_D6"}},
	{"D7", "positions are saved only every 100 messages, not at a stop, and move the head for subscribers of $all", []string{
		"messagestore/consumer TestFewMessages_D7", "aggregators TestOnAny_WritesNoMessages_D7",
	}},
	{"D8", "an entity is folded from at most 1,000 messages", []string{"components TestLongStream_D8"}},
	{"D9", "two instances write every event and perform every effect twice", []string{"components TestConflict_D9", "components TestTwoInstances_D9"}},
	{"D10", "an unavailable store is recorded as a business failure", []string{"components/sendemail TestInfrastructure_D10"}},
	{"D11", "two accounts with one address share one mail", []string{"components TestOneMailPerIdentity_D11", "components/identity TestMailID_D11"}},
	{"D12", "any user can name and publish any video, and a name given before publication is lost", []string{
		"components/videopublishing TestOthers_D12", "components/videopublishing TestVideo_Rename_D12", "components/videopublishing TestVideo_PublishVideo_D12",
	}},
	{"D13", "ids chosen by clients are not validated", []string{
		"application TestRegisterUser_D13", "components TestTakenAndInvalidIDs_D13", "aggregators TestSkip_Logged_D13",
	}},
	{"D14", "a failed mail is not reported, and fails again at each delivery", []string{
		"components TestFailed_D14", "components/sendemail TestSend_GivesUpAfterFive_D14",
	}},
	{"D15", "a failed publication is not reported", []string{"cmd/videotutorials TestFlow05_Failed_D15"}},
	{"D16", "missing rows are server errors, and lists are unbounded", []string{"viewdata TestReads_Empty_D16"}},
	{"D17", "the duration of a log-in reveals whether an account exists", []string{"application/session TestAuthenticator_D17"}},
	{"D18", "e-mail addresses are compared without normalisation", []string{"components/identity TestSpelling_D18"}},
	{"D19", "reasons are fit for neither programs nor people", []string{"components/identity TestReasons_D19"}},
	{"D20", "a slow effect blocks all later commands", []string{
		"components TestEffect_DoesNotBlockEntity_D20", "components/videopublishing TestSlowTranscode_D20",
	}},
	{"D21", "a registration is answered with a permanent redirect, which browsers cache", []string{
		"application TestRegisterUser_D21", "application TestCreators_D21",
	}},
	{"D22", "a trace id chosen by the caller may be another user's operation", []string{"application TestRegisterUser_D22"}},
}

// number finds the defect in a test's name: TestLongStream_D8.
var number = regexp.MustCompile(`(?:^Test|_)(D\d+)(?:_|$)`)

func TestDefects(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range defects {
		if seen[d.id] {
			t.Errorf("%s is listed twice", d.id)
		}
		seen[d.id] = true
		if len(d.tests) == 0 {
			t.Errorf("%s has no test: %s", d.id, d.what)
		}
		for _, test := range d.tests {
			folder, name, _ := strings.Cut(test, " ")
			if found := number.FindStringSubmatch(name); found == nil || found[1] != d.id {
				t.Errorf("the name of %s lacks the suffix _%s", test, d.id)
			}
			if !functions(t, folder)[name] {
				t.Errorf("%s: %s does not exist", d.id, test)
			}
		}
	}
	for n := range 22 {
		if id := fmt.Sprintf("D%d", n+1); !seen[id] {
			t.Errorf("%s is missing", id)
		}
	}
}

// functions returns the names of the tests in a folder.
func functions(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
