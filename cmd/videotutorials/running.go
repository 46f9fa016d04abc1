package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"videotutorials/internal/service"
	"videotutorials/messagestore/rpc"
)

// A state describes the running system to the other commands.
type state struct {
	Port int `json:"port"`
	// Insecure is set if there is no TLS between the parts.
	Insecure bool `json:"insecure"`
	databases
	// Aggregators are the paths of the programs, by the aggregators' names.
	Aggregators map[string]string `json:"aggregators"`
}

func readState(f folder) (s state, err error) {
	text, err := os.ReadFile(f.stateFile())
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// store returns the message store, called with the certificate of that name. The
// caller MUST close it.
func (s state) store(data folder, name string) (*rpc.Client, error) {
	client := service.StoreSettings{Certs: data.certs(), Insecure: s.Insecure}
	return client.Dial(s.Port, name, slog.New(slog.DiscardHandler))
}

// running has the settings of a command for the system in a folder.
type running struct {
	DataDir string `name:"data-dir" env:"VT_DATA_DIR" help:"data folder; default /var/lib/videotutorials as root, else $XDG_STATE_HOME/videotutorials"`
}

// find returns the state of the system, or an error if none runs.
func (r *running) find() (folder, state, error) {
	data, err := dataFolder(r.DataDir)
	if err != nil {
		return "", state{}, err
	}
	if data.holder() == 0 {
		return "", state{}, fmt.Errorf("nothing runs in %s", data)
	}
	s, err := readState(data)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the system in %s is still starting, or is mvc alone", data)
	}
	return data, s, err
}

// env is the command that prints shell exports for the running system.
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
		// A client with certificates would wait for a TLS handshake.
		{"VT_INSECURE", strconv.FormatBool(s.Insecure)},
	} {
		fmt.Fprintf(&lines, "export %s=%s\n", v[0], quote(v[1]))
	}
	return lines.String()
}

// quote quotes the text for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
