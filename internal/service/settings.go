package service

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// settings are those of one command, read.
type settings struct {
	all  []setting
	rest []string
}

// A setting is one field of a settings struct.
type setting struct {
	name, env, initial, help string
	field                    reflect.Value
}

// read fills the structs from the defaults, the environment and the arguments,
// each over the one before. A variable that is empty counts as none.
func read(env func(string) string, args []string, structs ...any) (*settings, error) {
	s := &settings{}
	for _, pointer := range structs {
		if pointer != nil {
			s.add(reflect.ValueOf(pointer).Elem())
		}
	}
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, one := range s.all {
		if err := one.Set(one.initial); err != nil {
			panic(fmt.Sprintf("default of setting %s: %v", one.name, err))
		}
		set.Var(one, one.name, one.help)
	}
	for _, one := range s.all {
		if value := env(one.env); value != "" && one.env != "" {
			if err := one.Set(value); err != nil {
				return s, &UsageError{fmt.Sprintf("%s: %v", one.env, err)}
			}
		}
	}
	err := s.parse(set, args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		err = &UsageError{err.Error()}
	}
	return s, err
}

// parse takes settings also from behind and between the other arguments, up to
// `--`.
func (s *settings) parse(set *flag.FlagSet, args []string) error {
	for {
		if err := set.Parse(args); err != nil {
			return err
		}
		left := set.Args()
		if took := len(args) - len(left); len(left) == 0 || took > 0 && args[took-1] == "--" {
			s.rest = append(s.rest, left...)
			return nil
		}
		s.rest = append(s.rest, left[0])
		args = left[1:]
	}
}

// add adds the fields of the struct, and of the structs embedded in it.
func (s *settings) add(structure reflect.Value) {
	for i := range structure.NumField() {
		field := structure.Type().Field(i)
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			s.add(structure.Field(i))
		}
		tag := field.Tag
		if name, ok := tag.Lookup("name"); ok {
			s.all = append(s.all, setting{name, tag.Get("env"), tag.Get("default"), tag.Get("help"), structure.Field(i)})
		}
	}
}

// attributes returns the settings for the log, without passwords.
func (s *settings) attributes() []any {
	var attributes []any
	for _, one := range s.all {
		attributes = append(attributes, one.name, redact(one.String()))
	}
	return attributes
}

// lines says for each setting what it is for, its environment variable and its
// default.
func (s *settings) lines() []string {
	var lines []string
	for _, one := range s.all {
		line := fmt.Sprintf("-%-18s %s", one.name, one.help)
		if one.env != "" {
			line += " (" + one.env + ")"
		}
		if one.initial != "" {
			line += ", default " + one.initial
		}
		lines = append(lines, line)
	}
	return lines
}

var (
	// userinfo is what a URL has before its last @. It is not parsed: what no parser
	// takes has passwords too.
	userinfo = regexp.MustCompile(`(?s)(://[^:@]*:).*@`)
	// parameter and word are a password in a URL's query, and among words.
	parameter = regexp.MustCompile(`(?i)(password=)[^\s&]+`)
	word      = regexp.MustCompile(`(?is)(password\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|(?:[^\s\\]|\\.)+)`)
)

// redact takes the passwords out of a database's address, a URL or words.
func redact(value string) string {
	if scheme, _, ok := strings.Cut(value, "://"); ok && !strings.ContainsAny(scheme, "= ") {
		return parameter.ReplaceAllString(userinfo.ReplaceAllString(value, "${1}xxxxx@"), "${1}xxxxx")
	}
	return word.ReplaceAllString(value, "${1}xxxxx")
}

// String is how the setting is written. With it and the other methods a setting
// is a flag.Value; package flag also calls it on the zero value.
func (s setting) String() string {
	if !s.field.IsValid() {
		return ""
	}
	if list, ok := s.field.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(s.field.Interface())
}

// IsBoolFlag lets `-insecure` stand for `-insecure=true`.
func (s setting) IsBoolFlag() bool {
	return s.field.IsValid() && s.field.Kind() == reflect.Bool
}

// Set parses the text into the field. The empty text is the zero value.
func (s setting) Set(text string) error {
	if text == "" {
		s.field.SetZero()
		return nil
	}
	value, err := parse(s.field.Interface(), text)
	if err == nil {
		s.field.Set(reflect.ValueOf(value))
	}
	return err
}

// parse returns the text as a value of the type of like.
func parse(like any, text string) (any, error) {
	var value any
	var err error
	switch like.(type) {
	case string:
		value = text
	case []string:
		value = strings.Split(text, ",")
	case int:
		value, err = strconv.Atoi(text)
	case bool:
		value, err = strconv.ParseBool(text)
	case time.Duration:
		value, err = time.ParseDuration(text)
	default:
		panic(fmt.Sprintf("a setting cannot be a %T", like))
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not a %T", text, like)
	}
	return value, nil
}
