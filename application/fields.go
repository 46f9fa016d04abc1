package application

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
)

// strict refuses, before the gateway decodes a request, what it would overlook
// or refuse without naming the field: unknown fields, in the query too, values
// of the wrong kind, text that is not UTF-8, and what follows the JSON.
func (g *gateway) strict(next runtime.HandlerFunc) runtime.HandlerFunc {
	var (
		once  sync.Once // all that comes here has one route
		route route
		ok    bool
	)
	return func(w http.ResponseWriter, r *http.Request, path map[string]string) {
		once.Do(func() {
			pattern, _ := runtime.HTTPPattern(r.Context())
			route, ok = g.routes.pattern(r.Method, pattern.String())
		})
		if !ok {
			next(w, r, path)
			return
		}
		bad := route.checkPath(path)
		bad = append(bad, route.checkQuery(r.URL.RawQuery)...)
		if route.hasBody && r.ContentLength != 0 {
			body, err := io.ReadAll(r.Body)
			if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
				writeError(w, http.StatusRequestEntityTooLarge,
					invalid("body", "is larger than 1 MiB").GRPCStatus())
				return
			}
			if err != nil {
				writeError(w, http.StatusBadRequest, invalid("body", "ends too early").GRPCStatus())
				return
			}
			bad = append(bad, route.checkBody(body)...)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if len(bad) > 0 {
			writeError(w, http.StatusBadRequest, bad.GRPCStatus())
			return
		}
		next(w, r, path)
	}
}

func (r route) checkPath(path map[string]string) (bad invalidError) {
	for name, value := range path {
		if !utf8.ValidString(value) {
			field := r.input.Fields().ByName(protoreflect.Name(name))
			bad = append(bad, invalid(field.JSONName(), quote(value)+" is not UTF-8")...)
		}
	}
	return bad
}

func (r route) checkQuery(query string) (bad invalidError) {
	if query == "" {
		return nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return invalid("query", quote(query)+" is malformed")
	}
	for name, values := range values {
		field := r.field(name)
		switch {
		case field == nil || r.hasBody:
			bad = append(bad, invalid(shorten(name), "there is no such parameter")...)
		case len(values) > 1 && !field.IsList():
			bad = append(bad, invalid(field.JSONName(), "is given more than once")...)
		case !utf8.ValidString(values[0]) || runtime.PopulateFieldFromPath(dynamicpb.NewMessage(r.input), string(field.Name()), values[0]) != nil:
			bad = append(bad, invalid(field.JSONName(), quote(values[0])+" is not of type "+field.Kind().String())...)
		}
	}
	return sorted(bad)
}

func (r route) checkBody(body []byte) (bad invalidError) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return invalid("body", "is not a JSON object")
	}
	for name, value := range object {
		field := r.field(name)
		if field == nil {
			bad = append(bad, invalid(shorten(name), "there is no such field")...)
			continue
		}
		one, err := json.Marshal(map[string]json.RawMessage{name: value})
		if err != nil || protojson.Unmarshal(one, dynamicpb.NewMessage(r.input)) != nil {
			bad = append(bad, invalid(field.JSONName(), "is not of type "+field.Kind().String())...)
		}
	}
	return sorted(bad)
}

// field returns the field with that name, in either spelling, that the body or
// the query may have, or nil.
func (r route) field(name string) protoreflect.FieldDescriptor {
	field := r.input.Fields().ByJSONName(name)
	if field == nil {
		field = r.input.Fields().ByName(protoreflect.Name(name))
	}
	if field == nil || r.inPath(field) {
		return nil
	}
	return field
}

// shorten makes a name that somebody invented fit to be sent back.
func shorten(name string) string { return strings.Trim(quote(name), `"`) }

// sorted makes the order of violations found in a map a fixed one, and bounds
// them: a body has room for a hundred thousand.
func sorted(bad invalidError) invalidError {
	const most = 20
	slices.SortFunc(bad, func(a, b *violation) int { return strings.Compare(a.GetField(), b.GetField()) })
	return bad[:min(most, len(bad))]
}
