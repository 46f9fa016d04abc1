package aggregators_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"videotutorials/aggregators"
	"videotutorials/aggregators/adminmessages"
	"videotutorials/aggregators/adminpositions"
	"videotutorials/aggregators/adminstreams"
	"videotutorials/aggregators/adminusers"
	"videotutorials/aggregators/creatorsvideos"
	"videotutorials/aggregators/homepage"
	"videotutorials/aggregators/registrations"
	"videotutorials/aggregators/sessions"
	"videotutorials/aggregators/usercredentials"
	"videotutorials/aggregators/videooperations"
	"videotutorials/internal/test/teststore"
	"videotutorials/messagestore"
)

// TestRun_EveryViewWithConnectionsKilled runs two instances of every aggregator
// without the lock and ends their connections while users register, watch, publish,
// log in and out. In the end, each table is equal to that of an undisturbed instance
// with another View Data.
func TestRun_EveryViewWithConnectionsKilled(t *testing.T) {
	t.Parallel()
	all := []aggregators.Aggregator{
		adminmessages.Aggregator(), adminpositions.Aggregator(), adminstreams.Aggregator(), adminusers.Aggregator(),
		homepage.Aggregator(), registrations.Aggregator(), sessions.Aggregator(), usercredentials.Aggregator(),
		creatorsvideos.Aggregator(), videooperations.Aggregator(),
	}
	store := teststore.New(t)
	v := newView(t)
	v.run(store, aggregators.Unlock, all...)
	v.run(store, aggregators.Unlock, all...)
	ctx, written := context.WithCancel(t.Context())
	go func() {
		defer written()
		for range 60 {
			live(t, store)
		}
	}()
	killConnections(ctx, t, v.url)
	last := live(t, store)
	undisturbed := newView(t)
	undisturbed.run(store, nil, all...)
	for _, a := range all {
		v.awaitPosition(a.ID, last[a.ID])
		undisturbed.awaitPosition(a.ID, last[a.ID])
		if got, want := v.hash(a), undisturbed.hash(a); got != want {
			t.Errorf("%s: rows %s, want %s", a.ID, got, want)
		}
	}
}

// live writes the messages of a new user and of a rejected one. It returns the
// position of the last message of each aggregator.
func live(t *testing.T, store messagestore.Store) map[string]int64 {
	user, session, video := uuid.NewString(), uuid.NewString(), uuid.NewString()
	first, second := uuid.NewString(), uuid.NewString()
	h := history{events: []event{
		register(user, user+"@example.com", first),
		register(user, user+"@example.com", second),
		{messagestore.Category("identity").Stream(user), "Registered", `{"email": "` + user + `@example.com", "passwordHash": "h"}`, trace(first, user)},
		identity(user, "RegistrationEmailSent", `{}`),
		{"identity-" + messagestore.Stream(session), "RegistrationRejected", `{"code": "EMAIL_TAKEN"}`, trace(uuid.NewString(), user)},
		authentication(user, "UserLoginFailed", `{}`),
		authentication(ada, "UserLoggedIn", `{}`),
		authentication(user, "UserLoggedOut", `{"sessionId": "`+session+`"}`),
		authentication(user, "UserLoggedIn", `{}`),
		{"subscriberPosition-components:x", "Read", `{"position": 1}`, ""},
		viewed(video),
		publish(video, user, first),
		publishing(video, user, first, "PublishAttempted", `"attempt": 1`),
		publish(video, user, second),
		publishing(video, user, first, "VideoPublished", `"transcodedUri": "/media/`+video+`"`),
		about(video, user, session, "VideoNamed", `{"name": "A name"}`),
		viewed(one),
		viewed(video),
	}}
	last := h.write(t, store)
	return map[string]int64{
		"aggregators:registrations": last - 13, "aggregators:sessions": last - 10,
		"aggregators:user-credentials": last - 9, "aggregators:admin-users": last - 9,
		"aggregators:admin-subscriber-positions": last - 8, "aggregators:video-operations": last - 2,
		"aggregators:home-page": last, "aggregators:creators-videos": last,
		"aggregators:admin-streams": last, "aggregators:admin-messages": last,
	}
}
