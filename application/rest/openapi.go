package rest

import (
	_ "embed" // for the document
	"encoding/json"
	"fmt"
	"slices"

	"videotutorials/application/call"
	applicationv1 "videotutorials/proto/application/v1"
)

// written is the hand-written part of the document: what the generator does not know.
// That is the paths that are not in the gateway, the examples, and for each operation
// its errors, the HTTP status of its success, and whether it needs a session.
//
//go:embed document.json
var written []byte

// object is a JSON object.
type object = map[string]any

// OpenAPI returns the generated document, merged with the hand-written part, and with
// what all operations have in common.
func OpenAPI(version string) ([]byte, error) {
	var doc, more object
	if err := json.Unmarshal([]byte(applicationv1.OpenAPI()), &doc); err != nil {
		return nil, fmt.Errorf("read the generated document: %w", err)
	}
	if err := json.Unmarshal(written, &more); err != nil {
		return nil, fmt.Errorf("read the written document: %w", err)
	}
	merge(doc, more)
	member(doc, "info")["version"] = version
	for _, verbs := range member(doc, "paths") {
		for verb, operation := range verbs.(object) {
			complete(verb, operation.(object))
		}
	}
	for _, response := range member(doc, "responses") {
		response.(object)["schema"] = object{"$ref": "#/definitions/rpcStatus"}
		addTrace(response.(object))
	}
	// The message store is not in REST.
	doc["tags"] = slices.DeleteFunc(list(doc, "tags"), func(t any) bool { return t.(object)["name"] == "MessageStoreService" })
	return json.Marshal(doc)
}

// complete adds the common error, header and parameter to an operation.
func complete(verb string, operation object) {
	responses := member(operation, "responses")
	responses["default"] = object{"$ref": "#/responses/Unexpected"}
	for _, response := range responses {
		if response := response.(object); response["$ref"] == nil {
			addTrace(response)
		}
	}
	if verb == "post" {
		operation["parameters"] = append(list(operation, "parameters"), object{
			"name": call.KeyHeader, "in": "header", "required": false, "type": "string", "format": "uuid",
			"description": "A repeat with the same key changes nothing and gets the first answer.",
		})
	}
}

// addTrace adds the header that all responses have.
func addTrace(response object) {
	member(response, "headers")[call.TraceHeader] = object{
		"type": "string", "format": "uuid", "description": "The trace id of the call.",
	}
}

// member returns the object that another has under a name, a new one if there is
// none.
func member(in object, name string) object {
	found, ok := in[name].(object)
	if !ok {
		found = object{}
		in[name] = found
	}
	return found
}

func list(in object, name string) []any {
	found, ok := in[name].([]any)
	if !ok {
		return []any{}
	}
	return found
}

// merge adds more to the document: objects are merged, except examples and
// references, lists appended, and members that are null removed.
func merge(doc, more object) {
	for name, value := range more {
		switch value := value.(type) {
		case nil:
			delete(doc, name)
		case []any:
			doc[name] = append(list(doc, name), value...)
		case object:
			if name == "example" || value["$ref"] != nil {
				doc[name] = value
				continue
			}
			merge(member(doc, name), value)
		default:
			doc[name] = value
		}
	}
}
