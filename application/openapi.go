package application

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	applicationv1 "videotutorials/proto/application/v1"
)

// openAPI returns the generated document with what the generator cannot know:
// its title, the statuses that the gateway answers with, and the headers.
func openAPI(rs routes, version string) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(applicationv1.OpenAPI()), &doc); err != nil {
		return nil, fmt.Errorf("read the generated document: %w", err)
	}
	doc["info"] = map[string]any{"title": "Video Tutorials", "version": version}
	doc["securityDefinitions"] = map[string]any{bearerScheme: map[string]any{
		"type": "apiKey", "in": "header", "name": "Authorization",
		"description": "`Bearer <token>`, with the token of a log-in. Browsers send it in the cookie " + cookieName + ".",
	}}
	paths, _ := doc["paths"].(map[string]any)
	used := map[any]bool{}
	for _, path := range paths {
		verbs, _ := path.(map[string]any)
		for verb, o := range verbs {
			operation, _ := o.(map[string]any)
			describe(rs, verb, operation)
			tags, _ := operation["tags"].([]any)
			for _, tag := range tags {
				used[tag] = true
			}
		}
	}
	doc["tags"] = usedTags(doc["tags"], used)
	return json.Marshal(doc)
}

// bearerScheme is the document's name for sessions.
const bearerScheme = "session"

// describe completes one operation.
func describe(rs routes, verb string, operation map[string]any) {
	id, _ := operation["operationId"].(string)
	service, name, _ := strings.Cut(id, "_")
	responses, _ := operation["responses"].(map[string]any)
	for _, r := range rs {
		if !strings.HasSuffix(r.name, "."+service+"/"+name) {
			continue
		}
		if code := success(r.name); code != http.StatusOK {
			responses[strconv.Itoa(code)] = responses["200"]
			delete(responses, "200")
		}
		operation["security"] = security(accessOf(r.name))
	}
	if nothing, ok := responses[strconv.Itoa(http.StatusNoContent)].(map[string]any); ok {
		delete(nothing, "schema")
	}
	for _, r := range responses {
		response, _ := r.(map[string]any)
		response["headers"] = map[string]any{traceHeader: map[string]any{
			"type": "string", "format": "uuid", "description": "The trace id of the call.",
		}}
	}
	if strings.EqualFold(verb, http.MethodPost) {
		parameters, _ := operation["parameters"].([]any)
		operation["parameters"] = append(parameters, map[string]any{
			"name": keyHeader, "in": "header", "required": false, "type": "string", "format": "uuid",
			"description": "A repeat with the same key changes nothing and gets the first answer.",
		})
	}
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
