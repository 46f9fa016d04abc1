package service

import (
	"cmp"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"videotutorials/internal/certificate"
	"videotutorials/messagestore/rpc"
)

// settings are the settings of one command.
type settings struct {
	all  []setting
	rest []string // the arguments that are not flags
}

// A setting is one field of a settings struct. It is a flag.Value.
type setting struct {
	name, env, initial, help string
	field                    reflect.Value
}

// read fills the structs from the defaults, the environment and the arguments,
// each overriding the one before. An empty variable counts as unset.
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

// parse reads the arguments. Flags may follow other arguments, up to `--`.
func (s *settings) parse(set *flag.FlagSet, args []string) error {
	for {
		if err := set.Parse(args); err != nil {
			return err
		}
		left := set.Args()
		if parsed := len(args) - len(left); len(left) == 0 || parsed > 0 && args[parsed-1] == "--" {
			s.rest = append(s.rest, left...)
			return nil
		}
		s.rest = append(s.rest, left[0])
		args = left[1:]
	}
}

// add adds the fields of the struct and of its embedded structs.
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

// lines returns the help for each setting, with its variable and its default.
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
	// userinfo matches a URL up to its last @. URLs are not parsed, because
	// malformed ones contain passwords too.
	userinfo = regexp.MustCompile(`(?s)(://[^:@]*:).*@`)
	// parameter matches a password in the query of a URL, keyword one in a
	// connection string of keywords and values.
	parameter = regexp.MustCompile(`(?i)(password=)[^\s&]+`)
	keyword   = regexp.MustCompile(`(?is)(password\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|(?:[^\s\\]|\\.)+)`)
)

// redact replaces the passwords in a URL or a connection string.
func redact(value string) string {
	if scheme, _, ok := strings.Cut(value, "://"); ok && !strings.ContainsAny(scheme, "= ") {
		return parameter.ReplaceAllString(userinfo.ReplaceAllString(value, "${1}xxxxx@"), "${1}xxxxx")
	}
	return keyword.ReplaceAllString(value, "${1}xxxxx")
}

// String returns the value as text. Package flag also calls it on the zero value.
func (s setting) String() string {
	if !s.field.IsValid() {
		return ""
	}
	if list, ok := s.field.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(s.field.Interface())
}

// IsBoolFlag allows `-insecure` for `-insecure=true`.
func (s setting) IsBoolFlag() bool {
	return s.field.IsValid() && s.field.Kind() == reflect.Bool
}

// Set parses the text into the field. The empty text is the zero value.
func (s setting) Set(text string) error {
	if text == "" {
		s.field.SetZero()
		return nil
	}
	var value any
	var err error
	switch s.field.Interface().(type) {
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
		panic(fmt.Sprintf("a setting cannot be a %s", s.field.Type()))
	}
	if err != nil {
		return fmt.Errorf("%q is not a %s", text, s.field.Type())
	}
	s.field.Set(reflect.ValueOf(value))
	return nil
}

// StoreSettings are the settings of a client of the message store, for a settings
// struct to embed.
type StoreSettings struct {
	Store    string `name:"messagestore-addr" env:"VT_MESSAGESTORE_ADDR" help:"host:port of the message store, several comma-separated; default 127.0.0.1:<port + 10>"`
	Certs    string `name:"certs" env:"VT_CERTS" help:"folder with ca.crt, and <name>.crt and <name>.key of each principal; required unless insecure, of components default <data-dir>/certs"`
	Insecure bool   `name:"insecure" env:"VT_INSECURE" default:"false" help:"no TLS to the message store"`
}

// Check returns a *UsageError if there is no folder of certificates.
func (s *StoreSettings) Check() error {
	if s.Certs == "" && !s.Insecure {
		return &UsageError{"VT_CERTS is required, or VT_INSECURE"}
	}
	return nil
}

// Dial returns a client with the certificate of that name. Port is the VT_PORT.
func (s *StoreSettings) Dial(port int, name string, log *slog.Logger) (*rpc.Client, error) {
	var config *tls.Config
	if s.Insecure {
		log.Warn("TLS is off: the caller is anonymous", "principal", name)
	} else {
		var err error
		if config, err = certificate.Client(s.Certs, name); err != nil {
			return nil, err
		}
	}
	return rpc.Dial(cmp.Or(s.Store, Addr(port, MessageStorePort)), config)
}
