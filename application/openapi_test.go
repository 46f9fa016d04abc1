package application

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	all := newRoutes()
	text, err := openAPI(all, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	type operation struct {
		Responses  map[string]struct{ Headers map[string]any }
		Tags       []string
		Security   []map[string][]string
		Parameters []struct {
			Name, In string
			Required bool
		}
	}
	var doc struct {
		Swagger     string
		Info        struct{ Title, Version string }
		Tags        []struct{ Name string }
		Paths       map[string]map[string]operation
		Definitions map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Swagger != "2.0" || doc.Info.Title != "Video Tutorials" || doc.Info.Version != "1.2.3" {
		t.Errorf("it begins with %q, %+v", doc.Swagger, doc.Info)
	}

	var want, got []string
	for _, r := range all {
		want = append(want, r.verb+" "+r.template)
	}
	upper := regexp.MustCompile("[A-Z]")
	tags := map[string]bool{}
	for path, verbs := range doc.Paths {
		for verb, o := range verbs {
			// The document has a path's variables as in JSON.
			path := upper.ReplaceAllStringFunc(path, func(s string) string { return "_" + strings.ToLower(s) })
			got = append(got, strings.ToUpper(verb)+" "+path)
			for _, tag := range o.Tags {
				tags[tag] = true
			}
			for code, response := range o.Responses {
				if response.Headers["X-Trace-Id"] == nil {
					t.Errorf("%s %s: answer %s has no X-Trace-Id", verb, path, code)
				}
			}
			hasKey := slices.ContainsFunc(o.Parameters, func(p struct {
				Name, In string
				Required bool
			}) bool {
				return p.Name == "Idempotency-Key" && p.In == "header" && !p.Required
			})
			if hasKey != (verb == "post") {
				t.Errorf("%s %s: Idempotency-Key is %v", verb, path, hasKey)
			}
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
	viewings := doc.Paths["/v1/videos/{videoId}/viewings"]["post"].Responses
	if codes := slices.Sorted(maps.Keys(viewings)); !slices.Equal(codes, []string{"202", "default"}) {
		t.Errorf("answers of viewings are %q", codes)
	}
	for path, want := range map[string]string{"/v1/users post": "202", "/v1/sessions post": "201", "/v1/sessions/current delete": "204", "/v1/admin/users get": "200"} {
		path, verb, _ := strings.Cut(path, " ")
		o := doc.Paths[path][verb]
		if codes := slices.Sorted(maps.Keys(o.Responses)); !slices.Equal(codes, []string{want, "default"}) {
			t.Errorf("answers of %s are %q", path, codes)
		}
		if open := verb == "post"; len(o.Security) != 1 != open {
			t.Errorf("security of %s is %v", path, o.Security)
		}
	}
	checkReferences(t, text, doc.Definitions)
}

// checkReferences checks that each $ref leads to a definition.
func checkReferences(t *testing.T, text []byte, definitions map[string]any) {
	t.Helper()
	var all any
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
				name := strings.TrimPrefix(fmt.Sprint(ref), "#/definitions/")
				if definitions[name] == nil {
					t.Errorf("%v leads nowhere", ref)
				}
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(all)
}
