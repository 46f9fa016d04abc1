package application

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

	applicationv1 "videotutorials/proto/application/v1"
)

// A route is a method of a service and where it is in REST, as the proto says.
type route struct {
	// name is the method's full name as gRPC has it, `/application.v1.…/GetHome`.
	name  string
	input protoreflect.MessageDescriptor
	// verb and template are the HTTP method and the path, `/v1/videos/{video_id}`.
	verb, template string
	// hasBody says that the fields that are not in the path are in the body; else
	// they are in the query.
	hasBody bool
	matches *regexp.Regexp
}

// files are the files whose services the application has.
func files() []protoreflect.FileDescriptor {
	return []protoreflect.FileDescriptor{
		applicationv1.File_application_v1_home_proto,
		applicationv1.File_application_v1_viewings_proto,
		applicationv1.File_application_v1_users_proto,
		applicationv1.File_application_v1_sessions_proto,
		applicationv1.File_application_v1_creators_proto,
		applicationv1.File_application_v1_operations_proto,
		applicationv1.File_application_v1_admin_proto,
	}
}

// routes is all that is in REST.
type routes []route

func newRoutes() routes {
	var all routes
	for _, file := range files() {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				if r, ok := newRoute(methods.Get(j)); ok {
					all = append(all, r)
				}
			}
		}
	}
	return all
}

var variable = regexp.MustCompile(`\{(\w+)\}`)

func newRoute(m protoreflect.MethodDescriptor) (route, bool) {
	rule, ok := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		return route{}, false
	}
	r := route{
		name:    fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()),
		input:   m.Input(),
		hasBody: rule.GetBody() != "",
	}
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		r.verb, r.template = http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		r.verb, r.template = http.MethodPost, p.Post
	case *annotations.HttpRule_Delete:
		r.verb, r.template = http.MethodDelete, p.Delete
	default:
		return route{}, false
	}
	literal := regexp.QuoteMeta(r.template)
	r.matches = regexp.MustCompile("^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(literal, "[^/]+") + "$")
	return r, true
}

// method returns the route of a gRPC method.
func (rs routes) method(name string) (route, bool) {
	i := slices.IndexFunc(rs, func(r route) bool { return r.name == name })
	if i < 0 {
		return route{}, false
	}
	return rs[i], true
}

// pattern returns the route that the gateway has under a pattern, which it
// prints as `/v1/videos/{video_id=*}`.
func (rs routes) pattern(verb, pattern string) (route, bool) {
	template := strings.ReplaceAll(pattern, "=*}", "}")
	i := slices.IndexFunc(rs, func(r route) bool { return r.verb == verb && r.template == template })
	if i < 0 {
		return route{}, false
	}
	return rs[i], true
}

// verbs returns the HTTP methods that a path has.
func (rs routes) verbs(path string) []string {
	var verbs []string
	for _, r := range rs {
		if !r.matches.MatchString(path) {
			continue
		}
		if verbs = append(verbs, r.verb); r.verb == http.MethodGet && !rs.confirms(path) {
			verbs = append(verbs, http.MethodHead)
		}
	}
	return verbs
}

// confirms reports whether the path is of the one GET that changes something: to
// have a look at the link of a mail confirms nothing.
func (rs routes) confirms(path string) bool {
	r, ok := rs.method(applicationv1.UsersService_ConfirmRegistration_FullMethodName)
	return ok && r.matches.MatchString(path)
}

// path returns the path of a call in REST, with UUIDs in lower case, whether it
// came by REST or by gRPC.
func (r route) path(in proto.Message) string {
	m := in.ProtoReflect()
	return variable.ReplaceAllStringFunc(r.template, func(v string) string {
		field := m.Descriptor().Fields().ByName(protoreflect.Name(strings.Trim(v, "{}")))
		value := m.Get(field).String()
		if id, ok := parseUUID(value); ok {
			return id.String()
		}
		return url.PathEscape(value)
	})
}

// inPath says whether a field is one of the path's.
func (r route) inPath(f protoreflect.FieldDescriptor) bool {
	return strings.Contains(r.template, "{"+string(f.Name())+"}")
}
