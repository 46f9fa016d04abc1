package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"videotutorials/internal/certificate"
	"videotutorials/internal/service"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	"videotutorials/messagestore/rpc"
)

// running is the system that runs in a folder, for commands that a person gives.
type running struct {
	DataDir string `name:"data-dir" env:"VT_DATA_DIR" help:"data folder; default /var/lib/videotutorials as root, else $XDG_STATE_HOME/videotutorials"`
}

// find returns what is known of the system, or an error that says that none runs.
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
		err = fmt.Errorf("what runs in %s is still starting, or is mvc alone", data)
	}
	return data, s, err
}

// store returns the message store, as the operator. The caller MUST close it.
func (r *running) store() (*rpc.Client, error) {
	data, s, err := r.find()
	if err != nil {
		return nil, err
	}
	return s.store(data, "operator")
}

// store returns the message store, in the name of whose certificate it is. The
// caller MUST close it.
func (s state) store(data folder, name string) (*rpc.Client, error) {
	addr := service.Addr(s.Port, service.MessageStorePort)
	if s.Insecure {
		return rpc.Dial(addr, nil)
	}
	config, err := certificate.Client(data.certs(), name)
	if err != nil {
		return nil, err
	}
	return rpc.Dial(addr, config)
}

// writeCommand writes a command for the entity, under a trace of its own, which it
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
