// Package defects_test lists the defects of the original system, each with the
// tests that keep it out of ours.
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

// A defect of the original, and our regression tests: a folder and a function.
type defect struct {
	id, what string
	tests    []string
}

var defects = []defect{
	{"D1", "of two commands that wait together the second is skipped", []string{"components TestQueuedCommands_D1"}},
	{"D2", "who follows everything misses every other message", []string{"aggregators TestOnAny_MissesNothing_D2"}},
	{"D3", "a lower position appears after a higher one was read", []string{"aggregators TestOnAny_ConcurrentWriters_D3"}},
	{"D4", "messages of others stop a subscription for good", []string{"aggregators TestRun_ForeignMessages_D4"}},
	{"D5", "the first error of a handler ends its subscription", []string{"components TestStoreFails_D5"}},
	{"D6", "a conflict is known by its text, and not on an empty stream", []string{"messagestore/rpc TestConflict_D6"}},
	{"D7", "positions are kept after 100 messages and never at a stop; they feed who follows them", []string{
		"messagestore/consumer TestFewMessages_D7", "aggregators TestOnAny_WritesNoMessages_D7",
	}},
	{"D8", "an entity is its first 1,000 messages", []string{"components TestLongStream_D8"}},
	{"D9", "two instances do everything twice", []string{"components TestConflict_D9", "components TestTwoInstances_D9"}},
	{"D10", "a store that is away is taken for a refusal", []string{"components/sendemail TestInfrastructure_D10"}},
	{"D11", "two accounts of one address have one mail", []string{"components TestOneMailPerIdentity_D11", "components/identity TestMailID_D11"}},
	{"D12", "anybody names and publishes anything, and a name before the video is lost", []string{
		"components/videopublishing TestOthers_D12", "components/videopublishing TestVideo_Rename_D12", "components/videopublishing TestVideo_PublishVideo_D12",
	}},
	{"D13", "ids come from the client unchecked", []string{
		"application TestRegisterUser_D13", "components TestTakenAndInvalidIDs_D13", "aggregators TestSkip_Logged_D13",
	}},
	{"D14", "nobody hears of a mail that failed, and it fails again at each delivery", []string{
		"components TestFailed_D14", "components/sendemail TestSend_GivesUpAfterFive_D14",
	}},
	{"D15", "nobody hears that a video was not published", []string{"cmd/videotutorials TestFlow05_Failed_D15"}},
	{"D16", "what is not there is an error of the server, and lists have no end", []string{"viewdata TestReads_Empty_D16"}},
	{"D17", "the time of a log-in tells whether there is an account", []string{"application/session TestAuthenticator_D17"}},
	{"D18", "an address is compared as it was typed", []string{"components/identity TestSpelling_D18"}},
	{"D19", "reasons are for nobody, neither programs nor people", []string{"components/identity TestReasons_D19"}},
	{"D20", "what takes long for one holds up all", []string{
		"components TestEffect_DoesNotBlockEntity_D20", "components/videopublishing TestSlowTranscode_D20",
	}},
	{"D21", "a registration is answered with a redirect that browsers keep", []string{
		"application TestRegisterUser_D21", "application TestCreators_D21",
	}},
	{"D22", "a trace id that a caller chose is another's operation", []string{"application TestRegisterUser_D22"}},
}

// number finds the defects that a test's name has: TestLongStream_D8, TestD8_Long.
var number = regexp.MustCompile(`(?:^Test|_)(D\d+)(?:_|$)`)

func TestDefects(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range defects {
		if seen[d.id] {
			t.Errorf("%s is there twice", d.id)
		}
		seen[d.id] = true
		if len(d.tests) == 0 {
			t.Errorf("%s has no test: %s", d.id, d.what)
		}
		for _, test := range d.tests {
			folder, name, _ := strings.Cut(test, " ")
			if found := number.FindStringSubmatch(name); found == nil || found[1] != d.id {
				t.Errorf("%s is not named after %s", test, d.id)
			}
			if !functions(t, folder)[name] {
				t.Errorf("%s: %s is not there", d.id, test)
			}
		}
	}
	for n := range 22 {
		if id := fmt.Sprintf("D%d", n+1); !seen[id] {
			t.Errorf("%s is missing", id)
		}
	}
}

// functions returns the names of the tests of a folder.
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
