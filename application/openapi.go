package application

import (
	_ "embed" // for the document
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	applicationv1 "videotutorials/proto/application/v1"
)

// written is the part of the document that is written by hand: the paths that
// are not in the gateway, the errors, and the examples.
//
//go:embed document.json
var written []byte

// openAPI returns the generated document with what the generator cannot know:
// what is written by hand, the statuses that the gateway answers with, and the
// headers.
func openAPI(rs routes, version string) ([]byte, error) {
	var doc, more map[string]any
	if err := json.Unmarshal([]byte(applicationv1.OpenAPI()), &doc); err != nil {
		return nil, fmt.Errorf("read the generated document: %w", err)
	}
	if err := json.Unmarshal(written, &more); err != nil {
		return nil, fmt.Errorf("read the written document: %w", err)
	}
	doc["info"] = map[string]any{"title": "Video Tutorials", "version": version}
	merge(doc, more)
	doc["securityDefinitions"] = map[string]any{bearerScheme: map[string]any{
		"type": "apiKey", "in": "header", "name": "Authorization",
		"description": "`Bearer <token>`, with the token of a log-in. Browsers send it in the cookie " + cookieName + ".",
	}}
	used := map[any]bool{}
	for path, verbs := range member(doc, "paths") {
		for verb, o := range verbs.(map[string]any) {
			operation, _ := o.(map[string]any)
			describe(rs, path, strings.ToUpper(verb), operation)
			tags, _ := operation["tags"].([]any)
			for _, tag := range tags {
				used[tag] = true
			}
		}
	}
	for name, r := range member(doc, "responses") {
		response, _ := r.(map[string]any)
		response["schema"] = map[string]any{"$ref": "#/definitions/rpcStatus"}
		traced(response)
		if name == "Unauthenticated" {
			member(response, "headers")["WWW-Authenticate"] = map[string]any{"type": "string", "description": "`Bearer`."}
		}
	}
	doc["tags"] = usedTags(doc["tags"], used)
	dropUnused(doc)
	return json.Marshal(doc)
}

// dropUnused drops the definitions that nothing refers to.
func dropUnused(doc map[string]any) {
	used := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				used[ref] = true
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(doc)
	maps.DeleteFunc(member(doc, "definitions"), func(name string, _ any) bool { return !used["#/definitions/"+name] })
}

// member returns the object that is in another under a name, which it makes if
// it is not there.
func member(in map[string]any, name string) map[string]any {
	found, ok := in[name].(map[string]any)
	if !ok {
		found = map[string]any{}
		in[name] = found
	}
	return found
}

// merge puts what is in more into the document: objects into objects, lists
// behind lists.
func merge(doc, more map[string]any) {
	for name, value := range more {
		switch value := value.(type) {
		case map[string]any:
			merge(member(doc, name), value)
		case []any:
			list, _ := doc[name].([]any)
			doc[name] = append(list, value...)
		default:
			doc[name] = value
		}
	}
}

// bearerScheme is the document's name for sessions.
const bearerScheme = "session"

// describe completes one operation.
func describe(rs routes, path, verb string, operation map[string]any) {
	id, _ := operation["operationId"].(string)
	service, name, _ := strings.Cut(id, "_")
	responses := member(operation, "responses")
	need := anybody
	i := slices.IndexFunc(rs, func(r route) bool { return strings.HasSuffix(r.name, "."+service+"/"+name) })
	switch {
	case i >= 0:
		need = accessOf(rs[i].name)
		code := success(rs[i].name)
		first, _ := responses["200"].(map[string]any)
		delete(responses, "200")
		first["description"] = successes[code]
		if code == http.StatusNoContent {
			delete(first, "schema")
		}
		responses[strconv.Itoa(code)] = first
	case strings.HasPrefix(path, "/v1/me/"):
		need = users
	}
	operation["security"] = security(need)
	for _, r := range responses {
		if response, ok := r.(map[string]any); ok {
			traced(response)
		}
	}
	for code, name := range faults(path, verb, need) {
		if responses[code] == nil || code == "default" {
			responses[code] = map[string]any{"$ref": "#/responses/" + name}
		}
	}
	if verb == http.MethodPost {
		parameters, _ := operation["parameters"].([]any)
		operation["parameters"] = append(parameters, map[string]any{
			"name": keyHeader, "in": "header", "required": false, "type": "string", "format": "uuid",
			"description": "A repeat with the same key changes nothing and gets the first answer.",
		})
	}
}

// successes are the descriptions of the statuses of a success.
var successes = map[int]string{
	http.StatusOK:        "What was asked for.",
	http.StatusCreated:   "It is made.",
	http.StatusAccepted:  "It is on disk, and will be done.",
	http.StatusNoContent: "It is done.",
}

// traced gives a response the header that all have.
func traced(response map[string]any) {
	member(response, "headers")[traceHeader] = map[string]any{
		"type": "string", "format": "uuid", "description": "The trace id of the call.",
	}
}

// faults returns the errors that an operation can answer with: their statuses,
// and the names of the responses.
func faults(path, verb string, need access) map[string]string {
	can := map[string]string{"default": "Unexpected"}
	if !strings.HasPrefix(path, "/v1/") && !strings.HasPrefix(path, "/media/") {
		return can // what operators ask
	}
	add := func(more map[string]string) { maps.Copy(can, more) }
	add(map[string]string{"400": "BadRequest", "503": "Unavailable"})
	if need != anybody || path == logInPath {
		add(map[string]string{"401": "Unauthenticated"})
	}
	if need == admins || verb != http.MethodGet {
		add(map[string]string{"403": "Forbidden"})
	}
	if verb == http.MethodGet && strings.Contains(path, "{") && need >= users {
		add(map[string]string{"404": "NotFound"})
	}
	if verb != http.MethodGet || strings.HasPrefix(path, "/v1/me/operations/") {
		add(map[string]string{"429": "TooMany", "504": "DeadlineExceeded"})
	}
	if verb == http.MethodPost {
		add(map[string]string{"409": "Conflict", "413": "TooLarge"})
	}
	switch {
	case path == "/v1/me/uploads":
		delete(can, "504")
		add(map[string]string{"408": "Timeout"})
	case path == logInPath:
		delete(can, "409") // an attempt is an attempt
	case strings.HasPrefix(path, "/media/"):
		add(map[string]string{"404": "NotFound", "412": "PreconditionFailed", "416": "BadRange"})
	}
	return can
}

// security returns what an operation for those needs, any one of the list.
func security(need access) []any {
	session, none := map[string]any{bearerScheme: []any{}}, map[string]any{}
	switch need {
	case anybody:
		return []any{}
	case guests:
		return []any{none, session}
	}
	return []any{session}
}

// usedTags drops the tags of services that are not in REST.
func usedTags(all any, used map[any]bool) []any {
	tags, _ := all.([]any)
	kept := []any{}
	for _, t := range tags {
		if tag, _ := t.(map[string]any); used[tag["name"]] {
			kept = append(kept, t)
		}
	}
	return kept
}
