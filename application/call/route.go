package call

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"videotutorials/messagestore/contract"
	applicationv1 "videotutorials/proto/application/v1"
)

// A Template is a path with variables, such as `/v1/videos/{video_id}`.
type Template string

var variable = regexp.MustCompile(`\{(\w+)\}`)

// Regexp returns a regular expression that matches the paths of the template. Its
// subexpressions have the names of the variables, which match within a segment.
func (t Template) Regexp() *regexp.Regexp {
	literals := variable.Split(string(t), -1)
	pattern := regexp.QuoteMeta(literals[0])
	for i, name := range variable.FindAllStringSubmatch(string(t), -1) {
		pattern += "(?P<" + name[1] + ">[^/]+)" + regexp.QuoteMeta(literals[i+1])
	}
	return regexp.MustCompile("^" + pattern + "$")
}

// A Route is a method of a service and its place in REST, from the options in the
// proto.
type Route struct {
	// Method is the method's full gRPC name, `/application.v1.…/GetHome`.
	Method string
	Input  protoreflect.MessageDescriptor
	// Verb is the HTTP method.
	Verb     string
	Template Template
	// HasBody reports whether the fields that are not in the path are in the body.
	// Else they are in the query.
	HasBody bool
	paths   *regexp.Regexp
}

// Routes are all methods that are in REST.
type Routes []Route

// NewRoutes returns the routes of the application's services.
func NewRoutes() Routes {
	var all Routes
	protoregistry.GlobalFiles.RangeFilesByPackage("application.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				if r, ok := newRoute(methods.Get(j)); ok {
					all = append(all, r)
				}
			}
		}
		return true
	})
	return all
}

func newRoute(m protoreflect.MethodDescriptor) (Route, bool) {
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	r := Route{Method: fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()), Input: m.Input(), HasBody: rule.GetBody() != ""}
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		r.Verb, r.Template = http.MethodGet, Template(p.Get)
	case *annotations.HttpRule_Post:
		r.Verb, r.Template = http.MethodPost, Template(p.Post)
	case *annotations.HttpRule_Delete:
		r.Verb, r.Template = http.MethodDelete, Template(p.Delete)
	default:
		return Route{}, false
	}
	r.paths = r.Template.Regexp()
	return r, true
}

func (rs Routes) find(is func(Route) bool) (Route, bool) {
	i := slices.IndexFunc(rs, is)
	if i < 0 {
		return Route{}, false
	}
	return rs[i], true
}

// Method returns the route of a gRPC method.
func (rs Routes) Method(name string) (Route, bool) {
	return rs.find(func(r Route) bool { return r.Method == name })
}

// At returns the route with the verb and the template.
func (rs Routes) At(verb string, t Template) (Route, bool) {
	return rs.find(func(r Route) bool { return r.Verb == verb && r.Template == t })
}

// Verbs returns the HTTP methods that a path has.
func (rs Routes) Verbs(path string) []string {
	var verbs []string
	for _, r := range rs {
		if !r.paths.MatchString(path) {
			continue
		}
		if verbs = append(verbs, r.Verb); r.Verb == http.MethodGet && !rs.Confirms(path) {
			verbs = append(verbs, http.MethodHead)
		}
	}
	return verbs
}

// Confirms reports whether the path is that of ConfirmRegistration, the only GET
// with an effect. It has no HEAD: a mail program that checks a link with HEAD MUST
// NOT confirm anything.
func (rs Routes) Confirms(path string) bool {
	r, ok := rs.Method(applicationv1.UsersService_ConfirmRegistration_FullMethodName)
	return ok && r.paths.MatchString(path)
}

// Path returns the path in REST of a call with the input, with UUIDs in lower case.
func (r Route) Path(in proto.Message) string {
	m := in.ProtoReflect()
	return variable.ReplaceAllStringFunc(string(r.Template), func(v string) string {
		value := m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(strings.Trim(v, "{}")))).String()
		if id, ok := contract.ParseUUID(value); ok {
			return id.String()
		}
		return url.PathEscape(value)
	})
}

// Field returns the field of the body or the query with the name, in either
// spelling, or nil. Fields of the path are not among them.
func (r Route) Field(name string) protoreflect.FieldDescriptor {
	field := r.Input.Fields().ByJSONName(name)
	if field == nil {
		field = r.Input.Fields().ByName(protoreflect.Name(name))
	}
	if field == nil || strings.Contains(string(r.Template), "{"+string(field.Name())+"}") {
		return nil
	}
	return field
}
