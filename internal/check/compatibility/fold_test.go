package compatibility_test

import (
	"strings"
	"testing"

	"videotutorials/messagestore"
)

// A person is the state of the original's component identity.
type person struct {
	ID, Email                           any
	IsRegistered, RegistrationEmailSent bool
}

// A user is a row of the original's admin_users.
type user struct {
	Email                 any
	RegistrationEmailSent bool
	LoginCount            int
}

// A video is a row of the original's creators_portal_videos, created from
// VideoPublished.
type video struct{ OwnerID, SourceURI, TranscodedURI, Name any }

// views are the states and tables that the original derives from a log.
type views struct {
	// videosWatched is the number on its home page.
	videosWatched int
	// identities and emails (whether sent) are its components' entities by stream.
	identities map[messagestore.Stream]person
	emails     map[messagestore.Stream]bool
	// credentials are its user_credentials: password hashes by id.
	credentials map[any]any
	users       map[any]user
	positions   map[string]float64
	videos      map[string]video
	// operations are its video_operations: success by trace id.
	operations map[string]bool
	// answers are the mails by the streams that requested them, to which its component
	// identity would write RegistrationEmailSent.
	answers map[string]any
}

// fold applies the log like the original's handlers: its projections and aggregators,
// with JavaScript's property access on data, metadata and streamName.
func fold(t *testing.T, log []messagestore.Message) views {
	t.Helper()
	v := views{
		identities: map[messagestore.Stream]person{}, emails: map[messagestore.Stream]bool{}, credentials: map[any]any{},
		users: map[any]user{}, positions: map[string]float64{}, answers: map[string]any{},
		videos: map[string]video{}, operations: map[string]bool{},
	}
	for _, m := range log {
		data, metadata := object(t, m.Data), object(t, m.Metadata)
		switch nameOf(m) {
		case "viewing VideoViewed":
			v.videosWatched++
		case "identity Registered":
			i := v.identities[m.Stream]
			i.ID, i.Email, i.IsRegistered = data["userId"], data["email"], true
			v.identities[m.Stream] = i
			if _, there := v.credentials[data["userId"]]; !there {
				v.credentials[data["userId"]] = data["passwordHash"]
			}
			u := v.users[data["userId"]]
			u.Email = data["email"]
			v.users[data["userId"]] = u
		case "identity RegistrationEmailSent":
			i := v.identities[m.Stream]
			i.RegistrationEmailSent = true
			v.identities[m.Stream] = i
			u := v.users[data["userId"]]
			u.RegistrationEmailSent = true
			v.users[data["userId"]] = u
		case "authentication UserLoggedIn":
			u := v.users[data["userId"]]
			u.LoginCount++
			v.users[data["userId"]] = u
		case "sendEmail Sent":
			v.emails[m.Stream] = true
			origin := textOf(metadata["originStreamName"])
			if category, _, _ := strings.Cut(origin, "-"); category == "identity" {
				v.answers[origin] = data["emailId"]
			}
		case "videoPublishing VideoPublished":
			if id := textOf(data["videoId"]); v.videos[id] == (video{}) {
				v.videos[id] = video{data["ownerId"], data["sourceUri"], data["transcodedUri"], nil}
			}
		case "videoPublishing VideoNamed":
			_, id, _ := strings.Cut(string(m.Stream), "-")
			if row, there := v.videos[id]; there {
				row.Name = data["name"]
				v.videos[id] = row
			}
			v.operations[textOf(metadata["traceId"])] = true
		case "videoPublishing VideoNameRejected":
			v.operations[textOf(metadata["traceId"])] = false
		case "subscriberPosition Read":
			_, id, _ := strings.Cut(string(m.Stream), "-")
			position, _ := data["position"].(float64)
			v.positions[id] = position
		}
	}
	return v
}
