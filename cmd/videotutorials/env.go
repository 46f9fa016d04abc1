package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"videotutorials/internal/service"
)

// env prints shell exports for the system that runs.
type env struct{ running }

func (e *env) run(context.Context, *slog.Logger, []string) error {
	data, s, err := e.find()
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(s.exports(data))
	return err
}

// exports returns the lines for a POSIX shell.
func (s state) exports(data folder) string {
	var lines strings.Builder
	for _, v := range [][2]string{
		{"VT_PORT", strconv.Itoa(s.Port)},
		{"VT_DATA_DIR", string(data)},
		{"VT_HTTP_URL", "http://" + service.Addr(s.Port, service.RESTPort)},
		{"VT_MESSAGESTORE_ADDR", service.Addr(s.Port, service.MessageStorePort)},
		{"VT_CA", data.cert("ca.crt")},
		{"VT_CERT", data.cert("operator.crt")},
		{"VT_KEY", data.cert("operator.key")},
		{"VT_PSQL_MESSAGESTORE", s.MessageStore},
		{"VT_PSQL_VIEWDATA", s.ViewData},
		// A client with certificates would wait for a server that has some.
		{"VT_INSECURE", strconv.FormatBool(s.Insecure)},
	} {
		fmt.Fprintf(&lines, "export %s=%s\n", v[0], quote(v[1]))
	}
	return lines.String()
}

// quote quotes for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
