package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"videotutorials/application/call"
)

// checkFields is the middleware that rejects input which the gateway would ignore,
// or reject without naming the field: unknown fields in the body and the query,
// values of the wrong type, text that is not UTF-8, and data after the JSON.
func (g *gateway) checkFields(next runtime.HandlerFunc) runtime.HandlerFunc {
	var (
		once  sync.Once // the mux has one middleware for each route
		route input
		ok    bool
	)
	return func(w http.ResponseWriter, r *http.Request, path map[string]string) {
		once.Do(func() {
			pattern, _ := runtime.HTTPPattern(r.Context()) // as in `/v1/videos/{video_id=*}`
			route.Route, ok = g.routes.At(r.Method, call.Template(strings.ReplaceAll(pattern.String(), "=*}", "}")))
		})
		if !ok {
			next(w, r, path)
			return
		}
		bad := append(route.checkPath(path), route.checkQuery(r.URL.RawQuery)...)
		if route.HasBody && r.ContentLength != 0 {
			body, err := io.ReadAll(r.Body)
			if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
				WriteError(w, http.StatusRequestEntityTooLarge, call.Invalid("body", "is larger than 1 MiB").GRPCStatus())
				return
			}
			if err != nil {
				WriteError(w, http.StatusBadRequest, call.Invalid("body", "ends too early").GRPCStatus())
				return
			}
			bad = append(bad, route.checkBody(body)...)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if len(bad) > 0 {
			WriteError(w, http.StatusBadRequest, bad.GRPCStatus())
			return
		}
		next(w, r, path)
	}
}

// An input checks what a request to a route has.
type input struct{ call.Route }

func (in input) checkPath(path map[string]string) (bad call.InvalidError) {
	for name, value := range path {
		if !utf8.ValidString(value) {
			bad.Add(in.Input.Fields().ByName(protoreflect.Name(name)).JSONName(), call.Quote(value)+" is not UTF-8")
		}
	}
	return bad
}

func (in input) checkQuery(query string) (bad call.InvalidError) {
	if query == "" {
		return nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return call.Invalid("query", call.Quote(query)+" is malformed")
	}
	for name, values := range values {
		field := in.Field(name)
		switch {
		case field == nil || in.HasBody:
			bad.Add(shorten(name), "there is no such parameter")
		case len(values) > 1 && !field.IsList():
			bad.Add(field.JSONName(), "is given more than once")
		case !utf8.ValidString(values[0]) || runtime.PopulateFieldFromPath(dynamicpb.NewMessage(in.Input), string(field.Name()), values[0]) != nil:
			bad.Add(field.JSONName(), call.Quote(values[0])+" is not of type "+field.Kind().String())
		}
	}
	return bounded(bad)
}

// checkBody decodes field by field: an error of protojson names no field.
func (in input) checkBody(body []byte) (bad call.InvalidError) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return call.Invalid("body", "is not a JSON object")
	}
	for name, value := range object {
		field := in.Field(name)
		if field == nil {
			bad.Add(shorten(name), "there is no such field")
			continue
		}
		one, err := json.Marshal(map[string]json.RawMessage{name: value})
		if err != nil || protojson.Unmarshal(one, dynamicpb.NewMessage(in.Input)) != nil {
			bad.Add(field.JSONName(), "is not of type "+field.Kind().String())
		}
	}
	return bounded(bad)
}

// shorten returns the name in ASCII and short enough for an answer.
func shorten(name string) string { return strings.Trim(call.Quote(name), `"`) }

// bounded sorts violations that were found in a map, and returns the first twenty:
// a body can have a hundred thousand.
func bounded(bad call.InvalidError) call.InvalidError {
	const most = 20
	slices.SortFunc(bad, func(a, b call.Violation) int { return strings.Compare(a.GetField(), b.GetField()) })
	return bad[:min(most, len(bad))]
}
