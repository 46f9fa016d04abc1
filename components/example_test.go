package components_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"videotutorials/components"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
)

// A user is the state on which the component decides.
type user struct{ registered, admin bool }

// users folds the events of a user into the state.
var users = components.Projection[user]{
	components.When(func(u user, _ *identityv1.Registered) user { u.registered = true; return u }),
	components.When(func(u user, _ *identityv1.AdminGranted) user { u.admin = true; return u }),
}

// userStream returns the stream of the user that the command names.
func userStream(m *identityv1.GrantAdmin, _ components.Cause) []messagestore.Stream {
	return components.EntityOf[*identityv1.Registered](m.GetUserId())
}

// grantAdmin decides on a GrantAdmin command.
func (u user) grantAdmin(m *identityv1.GrantAdmin, _ components.Cause) []components.Emit {
	if !u.registered || u.admin {
		return nil
	}
	return []components.Emit{components.Event(&identityv1.AdminGranted{UserId: m.GetUserId()})}
}

// A component that makes registered users administrators, and its reaction to commands.
func Example() {
	store, closeStore := openStore()
	defer closeStore()
	runner, err := components.New(store, nil, slog.New(slog.DiscardHandler), components.Consumer{
		ID:       "example:user:command",
		Handlers: components.Handlers{components.On(userStream, users, user.grantAdmin)},
	})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := make(chan error)
	go func() { done <- runner.Run(ctx) }()

	const id = "5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b"
	for _, m := range []proto.Message{
		&identityv1.Registered{UserId: id}, &identityv1.GrantAdmin{UserId: id}, &identityv1.GrantAdmin{UserId: id},
	} {
		data, err := contract.Marshal(m)
		if err != nil {
			panic(err)
		}
		_, err = store.Write(ctx, contract.Category(m).Stream(id), messagestore.Any,
			messagestore.NewMessage{ID: contract.NewID(), Type: contract.Type(m), Data: data})
		if err != nil {
			panic(err)
		}
	}
	for event, err := range store.Subscribe(ctx, messagestore.Subscription{Source: messagestore.OfStream("identity-" + id)}) {
		if err != nil {
			panic(err)
		}
		messages, _ := event.(messagestore.Messages)
		for _, m := range messages {
			fmt.Println(m.Position, m.Type)
		}
		if len(messages) > 0 && messages[len(messages)-1].Type == "AdminGranted" {
			break
		}
	}
	cancel()
	fmt.Println("stopped:", <-done)
	// Output:
	// 0 Registered
	// 1 AdminGranted
	// stopped: <nil>
}
