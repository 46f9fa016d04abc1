package rest

import (
	_ "embed" // for the document
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"videotutorials/application/call"
	"videotutorials/application/session"
	applicationv1 "videotutorials/proto/application/v1"
)

// written is the hand-written part of the document: the paths that are not in the
// gateway, the errors, and the examples.
//
//go:embed document.json
var written []byte

// object is a JSON object.
type object = map[string]any

// OpenAPI returns the generated document, completed with the hand-written part and
// with what the generator does not know: the statuses of the answers, the access
// and the headers of each operation.
func OpenAPI(routes call.Routes, version string) ([]byte, error) {
	var doc, more object
	if err := json.Unmarshal([]byte(applicationv1.OpenAPI()), &doc); err != nil {
		return nil, fmt.Errorf("read the generated document: %w", err)
	}
	if err := json.Unmarshal(written, &more); err != nil {
		return nil, fmt.Errorf("read the written document: %w", err)
	}
	doc["info"] = object{"title": "Video Tutorials", "version": version}
	merge(doc, more)
	doc["securityDefinitions"] = object{bearerScheme: object{
		"type": "apiKey", "in": "header", "name": "Authorization",
		"description": "`Bearer <token>`, with the token of a log-in. Browsers send it in the cookie " + call.CookieName + ".",
	}}
	for path, verbs := range member(doc, "paths") {
		for verb := range verbs.(object) {
			describe(routes, path, strings.ToUpper(verb), member(verbs.(object), verb))
		}
	}
	for name := range member(doc, "responses") {
		response := member(member(doc, "responses"), name)
		response["schema"] = object{"$ref": "#/definitions/rpcStatus"}
		addTrace(response)
		if name == "Unauthenticated" {
			member(response, "headers")["WWW-Authenticate"] = object{"type": "string", "description": "`Bearer`."}
		}
	}
	// The message store is not in REST, and nothing refers to these definitions.
	doc["tags"] = slices.DeleteFunc(list(doc, "tags"), func(t any) bool { return t.(object)["name"] == "MessageStoreService" })
	for _, name := range []string{"protobufNullValue", "v1GetVideoResponse", "v1LogOutResponse"} {
		delete(member(doc, "definitions"), name)
	}
	return json.Marshal(doc)
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
	found, _ := in[name].([]any)
	return found
}

// merge adds more to the document: objects are merged, lists appended.
func merge(doc, more object) {
	for name, value := range more {
		switch value := value.(type) {
		case object:
			merge(member(doc, name), value)
		case []any:
			doc[name] = append(list(doc, name), value...)
		default:
			doc[name] = value
		}
	}
}

// bearerScheme is the document's name for sessions.
const bearerScheme = "session"

// describe completes one operation.
func describe(routes call.Routes, path, verb string, operation object) {
	id, _ := operation["operationId"].(string)
	method := "." + strings.Replace(id, "_", "/", 1) // HomeService_GetHome
	responses := member(operation, "responses")
	need := call.Anyone
	i := slices.IndexFunc(routes, func(r call.Route) bool { return strings.HasSuffix(r.Method, method) })
	switch {
	case i >= 0:
		need = call.AccessOf(routes[i].Method)
		code := success(routes[i].Method)
		first := member(responses, "200")
		delete(responses, "200")
		first["description"] = successes[code]
		if code == http.StatusNoContent {
			delete(first, "schema")
		}
		responses[strconv.Itoa(code)] = first
	case strings.HasPrefix(path, "/v1/me/"):
		need = call.Users
	}
	sessions := object{bearerScheme: []any{}}
	operation["security"] = map[call.Access][]any{
		call.Anyone: {}, call.Guests: {object{}, sessions}, call.Users: {sessions}, call.Admins: {sessions},
	}[need]
	for code := range responses {
		addTrace(member(responses, code))
	}
	for code, name := range failures(path, verb, need) {
		if responses[code] == nil || code == "default" {
			responses[code] = object{"$ref": "#/responses/" + name}
		}
	}
	if verb == http.MethodPost {
		operation["parameters"] = append(list(operation, "parameters"), object{
			"name": call.KeyHeader, "in": "header", "required": false, "type": "string", "format": "uuid",
			"description": "A repeat with the same key changes nothing and gets the first answer.",
		})
	}
}

// successes are the descriptions of the statuses of a success.
var successes = map[int]string{
	http.StatusOK:        "The requested data.",
	http.StatusCreated:   "It was created.",
	http.StatusAccepted:  "The message is on disk and will be handled.",
	http.StatusNoContent: "It is done.",
}

// addTrace adds the header that all responses have.
func addTrace(response object) {
	member(response, "headers")[call.TraceHeader] = object{
		"type": "string", "format": "uuid", "description": "The trace id of the call.",
	}
}

// failures returns the errors of an operation: their statuses, and the names of
// their responses in the document.
func failures(path, verb string, need call.Access) map[string]string {
	media := strings.HasPrefix(path, "/media/")
	if !strings.HasPrefix(path, "/v1/") && !media {
		return map[string]string{"default": "Unexpected"} // health, metrics, this document
	}
	const upload = "/v1/me/uploads"
	read := verb == http.MethodGet
	all := map[string]string{}
	for _, f := range []struct {
		possible     bool
		status, name string
	}{
		{true, "default", "Unexpected"},
		{true, "400", "BadRequest"},
		{need != call.Anyone || path == session.LogInPath, "401", "Unauthenticated"},
		{need == call.Admins || !read, "403", "Forbidden"},
		{media || read && need >= call.Users && strings.Contains(path, "{"), "404", "NotFound"},
		{path == upload, "408", "Timeout"},
		{verb == http.MethodPost && path != session.LogInPath, "409", "Conflict"}, // each log-in is a new attempt
		{media, "412", "PreconditionFailed"},
		{verb == http.MethodPost, "413", "TooLarge"},
		{media, "416", "BadRange"},
		{!read || strings.HasPrefix(path, "/v1/me/operations/"), "429", "TooMany"},
		{true, "503", "Unavailable"},
		{path != upload && (!read || strings.HasPrefix(path, "/v1/me/operations/")), "504", "DeadlineExceeded"},
	} {
		if f.possible {
			all[f.status] = f.name
		}
	}
	return all
}
