package application

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"videotutorials/application/call"
	"videotutorials/application/rest"
)

// A document is the tested part of the OpenAPI document.
type document struct {
	Swagger     string
	Info        struct{ Title, Version string }
	Tags        []struct{ Name string }
	Paths       map[string]map[string]documented
	Responses   map[string]reply
	Definitions map[string]schema
}

// documented is an operation.
type documented struct {
	Summary    string
	Responses  map[string]reply
	Tags       []string
	Security   []map[string][]string
	Parameters []struct {
		Name, In string
		Required bool
		Schema   schema
	}
}

type reply struct {
	Ref         string `json:"$ref"`
	Description string
	Schema      *schema
	Headers     map[string]any
	Examples    map[string]any
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Properties map[string]any
	Example    any
}

// documentFile is the served document, for reviews of changes and for the validator.
const documentFile = "testdata/openapi.json"

func readDocument(t *testing.T) (text []byte, doc document) {
	t.Helper()
	text, err := rest.OpenAPI("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return text, doc
}

// With VT_UPDATE=true the test writes the file.
func TestOpenAPI_File(t *testing.T) {
	t.Parallel()
	text, _ := readDocument(t)
	var want bytes.Buffer
	if err := json.Indent(&want, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	want.WriteByte('\n')
	if os.Getenv("VT_UPDATE") == "true" {
		if err := os.WriteFile(documentFile, want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(documentFile)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what is served, VT_UPDATE=true writes it: %v", documentFile, err)
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	text, doc := readDocument(t)
	if doc.Swagger != "2.0" || doc.Info.Title != "Video Tutorials" || doc.Info.Version != "1.2.3" {
		t.Errorf("it begins with %q, %+v", doc.Swagger, doc.Info)
	}
	a := start(t, Config{})
	want := []string{}
	security := map[string]string{} // of the operations of services, as JSON
	for _, r := range call.NewRoutes() {
		want = append(want, r.Verb+" "+string(r.Template))
		security[r.Verb+" "+string(r.Template)] = map[call.Access]string{
			call.Anyone: `[]`, call.Guests: `[{},{"session":[]}]`, call.Users: `[{"session":[]}]`, call.Admins: `[{"session":[]}]`,
		}[call.AccessOf(r.Method)]
	}
	for _, p := range a.app.endpoints(nil) {
		want = append(want, p.Verbs[0]+" "+string(p.Template))
	}
	var got []string
	upper := regexp.MustCompile("[A-Z]")
	tags := map[string]bool{}
	for path, verbs := range doc.Paths {
		for verb, o := range verbs {
			// The document has the variables of paths in lowerCamelCase.
			path := upper.ReplaceAllStringFunc(path, func(s string) string { return "_" + strings.ToLower(s) })
			name := strings.ToUpper(verb) + " " + path
			got = append(got, name)
			if text, err := json.Marshal(o.Security); err != nil || security[name] != "" && string(text) != security[name] {
				t.Errorf("security of %s is %s, want %s: %v", name, text, security[name], err)
			}
			for _, tag := range o.Tags {
				tags[tag] = true
			}
			checkOperation(t, doc, verb, path, o)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("paths are\n%q, want\n%q", got, want)
	}
	for _, tag := range doc.Tags {
		if !tags[tag.Name] {
			t.Errorf("tag %s has no operation", tag.Name)
		}
	}
	checkReferences(t, text)
}

// checkOperation checks the descriptions, examples, headers and errors of an
// operation.
func checkOperation(t *testing.T, doc document, verb, path string, o documented) {
	t.Helper()
	if o.Summary == "" {
		t.Errorf("%s %s has no summary", verb, path)
	}
	hasKey := false
	for _, p := range o.Parameters {
		hasKey = hasKey || p.Name == "Idempotency-Key" && p.In == "header" && !p.Required
		checkExample(t, doc, verb+" "+path, p.Schema)
	}
	if hasKey != (verb == "post") {
		t.Errorf("%s %s: Idempotency-Key is %v", verb, path, hasKey)
	}
	for code, r := range o.Responses {
		shared := strings.TrimPrefix(r.Ref, "#/responses/")
		if r.Ref != "" {
			r = doc.Responses[shared]
		}
		if r.Headers["X-Trace-Id"] == nil || r.Description == "" || r.Description == "A successful response." {
			t.Errorf("%s %s: answer %s is %+v", verb, path, code, r)
		}
		if shared != "" && r.Examples["application/json"] == nil {
			t.Errorf("%s %s: error %s has no example", verb, path, code)
		}
		if shared == "" && r.Schema != nil && r.Examples == nil {
			checkExample(t, doc, verb+" "+path+" "+code, *r.Schema)
		}
	}
}

// checkExample checks that the schema has an example with known properties.
func checkExample(t *testing.T, doc document, what string, s schema) {
	t.Helper()
	if s.Ref == "" {
		return
	}
	s = doc.Definitions[strings.TrimPrefix(s.Ref, "#/definitions/")]
	example, ok := s.Example.(map[string]any)
	if !ok {
		t.Errorf("%s has no example", what)
	}
	for name := range example {
		if s.Properties[name] == nil {
			t.Errorf("%s: the example has %s", what, name)
		}
	}
}

func TestOpenAPI_Answers(t *testing.T) {
	t.Parallel()
	_, doc := readDocument(t)
	for call, want := range map[string]string{
		"get /v1/home":                       "200 400 401 503 default",
		"post /v1/videos/{videoId}/viewings": "202 400 401 403 409 413 429 503 504 default",
		"post /v1/users":                     "202 400 403 409 413 429 503 504 default",
		"get /v1/registrations/{traceId}":    "200 400 503 default",
		"post /v1/sessions":                  "201 400 401 403 413 429 503 504 default",
		"delete /v1/sessions/current":        "204 400 401 403 429 503 504 default",
		"post /v1/me/uploads":                "201 400 401 403 408 409 413 429 503 default",
		"post /v1/me/videos":                 "202 400 401 403 409 413 429 503 504 default",
		"get /v1/me/videos":                  "200 400 401 503 default",
		"get /v1/me/videos/{videoId}":        "200 400 401 404 503 default",
		"get /v1/me/operations/{traceId}":    "200 400 401 404 429 503 504 default",
		"get /v1/admin/users":                "200 400 401 403 503 default",
		"get /v1/admin/messages/{messageId}": "200 400 401 403 404 503 default",
		"get /media/{videoId}":               "200 206 304 400 404 412 416 503 default",
		"get /openapi.json":                  "200 default",
		"get /readyz":                        "200 503 default",
	} {
		verb, path, _ := strings.Cut(call, " ")
		o := doc.Paths[path][verb]
		if codes := strings.Join(slices.Sorted(maps.Keys(o.Responses)), " "); codes != want {
			t.Errorf("answers of %s are %s, want %s", call, codes, want)
		}
		session := len(o.Security) == 1
		if needs := strings.Contains(want, "401") && path != "/v1/sessions" && len(o.Security) != 2; needs != session {
			t.Errorf("security of %s is %v", call, o.Security)
		}
	}
}

// checkReferences checks that the target of each $ref exists.
func checkReferences(t *testing.T, text []byte) {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if ref, ok := v["$ref"]; ok {
				kind, name, _ := strings.Cut(strings.TrimPrefix(fmt.Sprint(ref), "#/"), "/")
				if found, _ := all[kind].(map[string]any); found[name] == nil {
					t.Errorf("%v has no target", ref)
				}
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(all)
}
