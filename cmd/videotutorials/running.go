package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/file"
	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	"videotutorials/messagestore/rpc"
)

// A state is what the other commands read about the running system.
type state struct {
	Port int `json:"port"`
	// Insecure is set if there is no TLS between the parts.
	Insecure bool `json:"insecure"`
	// MessageStore and ViewData are the superuser's URLs of the databases.
	MessageStore string `json:"messageStore"`
	ViewData     string `json:"viewData"`
	// Aggregators are the paths of the programs, by the aggregators' names.
	Aggregators map[string]string `json:"aggregators"`
}

func (f folder) stateFile() string { return f.run("state.json") }

func (s state) write(f folder) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return file.Replace(f.stateFile(), bytes.NewReader(text))
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

// running is the settings of a command for the system that runs in a folder.
type running struct {
	DataDir string `name:"data-dir" env:"VT_DATA_DIR" help:"data folder; default /var/lib/videotutorials as root, else $XDG_STATE_HOME/videotutorials"`
}

// find returns the state of the system, or an error if none runs.
func (r *running) find() (folder, state, error) {
	data, err := at(r.DataDir)
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

// store returns the message store, called as the operator. The caller MUST close it.
func (r *running) store() (*rpc.Client, error) {
	data, s, err := r.find()
	if err != nil {
		return nil, err
	}
	return s.store(data, "operator")
}

// writeCommand writes a command for the entity, under a new trace id, which it
// returns.
func writeCommand(ctx context.Context, store messagestore.Store, entity string, command proto.Message, userID *string) (trace string, err error) {
	data, err := contract.Marshal(command)
	if err != nil {
		return "", err
	}
	trace = uuid.NewString()
	_, err = store.Write(ctx, contract.Category(command).Stream(entity), messagestore.Any, messagestore.NewMessage{
		ID: contract.NewID(), Type: contract.Type(command), Data: data,
		Metadata: contract.Metadata{TraceID: trace, UserID: userID}.String(),
	})
	return trace, err
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
