package aggregators_test

import (
	"strings"

	"videotutorials/aggregators/adminmessages"
	"videotutorials/aggregators/adminpositions"
	"videotutorials/aggregators/adminstreams"
	"videotutorials/aggregators/adminusers"
	"videotutorials/aggregators/sessions"
	"videotutorials/aggregators/usercredentials"
	"videotutorials/messagestore"
)

// IDs of users, traces, sessions, a mail and a video.
const (
	ada   = "00000000-0000-4000-8000-00000000000a"
	bob   = "00000000-0000-4000-8000-00000000000b"
	carol = "00000000-0000-4000-8000-00000000000c"
	one   = "00000000-0000-4000-8000-000000000001"
	two   = "00000000-0000-4000-8000-000000000002"
	three = "00000000-0000-4000-8000-000000000003"
	four  = "00000000-0000-4000-8000-000000000004"
	mail  = "00000000-0000-4000-8000-0000000000ff"
	film  = "00000000-0000-4000-8000-0000000000fe"
)

// trace returns the metadata of the messages of a request.
func trace(id, user string) string { return `{"traceId": "` + id + `", "userId": "` + user + `"}` }

func registered(user, email string) event {
	return identity(user, "Registered", `{"userId": "`+user+`", "email": "`+email+`", "passwordHash": "hash of `+email+`"}`)
}

func identity(user, kind, data string) event {
	return event{messagestore.Category("identity").Stream(user), kind, data, trace(one, user)}
}

func authentication(user, kind, data string) event {
	return event{messagestore.Category("authentication").Stream(user), kind, data, trace(two, user)}
}

// long is not an address, and longer than an index accepts.
var long = strings.Repeat("long", 5000) + "@example.com"

func histories() map[string]history {
	return map[string]history{
		"UserCredentials": {
			aggregator: usercredentials.Aggregator(),
			events: []event{
				registered(ada, "ada@example.com"),
				registered(bob, "bob@example.com"),
				identity(ada, "Registered", `{"userId": "`+ada+`", "email": "other@example.com", "passwordHash": "other"}`),
				authentication(ada, "UserLoginFailed", `{"reason": "incorrect password"}`),
				authentication(ada, "UserLoginFailed", `{}`),
				authentication(bob, "UserLoginFailed", `{}`),
				authentication(bob, "AccountLocked", `{"until": "2026-01-02T03:04:05.678Z"}`),
				authentication(bob, "UserLoginFailed", `{}`),
				identity(bob, "RegistrationConfirmed", `{}`),
				identity(bob, "AdminGranted", `{}`),
				authentication(carol, "UserLoggedIn", `{}`),
				authentication(ada, "UserLoggedIn", `{}`),
				authentication(ada, "UserLoginFailed", `{}`),
				authentication(ada, "UserLoggedOut", `{"sessionId": "`+one+`"}`),
			},
			query: `select concat_ws(' ', id, email, password_hash, admin, confirmed, failed_logins,
				coalesce(to_char(locked_until at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.MS'), '-'), last_authentication_position)
				from user_credentials order by id`,
			want: []string{
				ada + " ada@example.com hash of ada@example.com f f 1 - 4",
				bob + " bob@example.com hash of bob@example.com t t 1 2026-01-02 03:04:05.678 2",
			},
		},
		"UserCredentials_Unlocked": {
			aggregator: usercredentials.Aggregator(),
			events: []event{
				registered(ada, "ada@example.com"),
				registered(bob, "bob@example.com"),
				authentication(ada, "AccountLocked", `{"until": "2026-01-02T03:04:05Z"}`),
				authentication(ada, "UserLoggedIn", `{}`),
				authentication(bob, "AccountLocked", `{}`),
			},
			query: `select concat_ws(' ', id, locked_until is null, last_authentication_position) from user_credentials order by id`,
			want:  []string{ada + " t 1", bob + " t 0"},
		},
		"D13_D18_OriginalUserCredentials": {
			aggregator: usercredentials.Aggregator(),
			events: []event{
				{"identity-undefined", "Registered", `{"email": "nobody@example.com"}`, ""},
				{"identity-" + ada, "Registered", `{"userId": "` + ada + `", "email": " Ada@EXAMPLE.com ", "passwordHash": "h"}`, ""},
				{"identity-" + bob, "Registered", `{"userId": "` + bob + `"}`, ""},
				{"authentication-undefined", "UserLoggedIn", `{}`, ""},
			},
			query: `select concat_ws('|', id, email, password_hash) from user_credentials order by id`,
			want:  []string{ada + "|ada@example.com|h", bob + "||"},
		},
		"AdminUsers": {
			aggregator: adminusers.Aggregator(),
			events: []event{
				registered(ada, "ada@example.com"),
				identity(ada, "RegistrationEmailSent", `{"emailId": "`+mail+`"}`),
				registered(bob, "bob@example.com"),
				authentication(ada, "UserLoggedIn", `{}`),
				authentication(ada, "UserLoginFailed", `{}`),
				authentication(ada, "UserLoggedIn", `{}`),
				identity(bob, "RegistrationConfirmed", `{}`),
				identity(ada, "AdminGranted", `{}`),
				authentication(carol, "UserLoggedIn", `{}`), // possible in the original system
			},
			query: adminUsers,
			want: []string{
				carol + "||f|-|f|f|0|1|9",
				ada + "|ada@example.com|t|-|f|t|8|2|6",
				bob + "|bob@example.com|f|-|t|f|7|0|0",
			},
		},
		"D14_FailedMail": {
			aggregator: adminusers.Aggregator(),
			events: []event{
				registered(ada, "ada@example.com"),
				registered(bob, "bob@example.com"),
				identity(ada, "RegistrationEmailFailed", `{"emailId": "`+mail+`", "reason": "no such mailbox"}`),
				identity(bob, "RegistrationEmailFailed", `{"emailId": "`+mail+`", "reason": "no such mailbox"}`),
				identity(bob, "RegistrationEmailSent", `{"emailId": "`+mail+`"}`),
			},
			query: adminUsers,
			want: []string{
				ada + "|ada@example.com|f|no such mailbox|f|f|3|0|0",
				bob + "|bob@example.com|t|-|f|f|5|0|0",
			},
		},
		"D13_OriginalAdminUsers": {
			aggregator: adminusers.Aggregator(),
			events: []event{
				{"identity-undefined", "Registered", `{"email": "nobody@example.com"}`, ""},
				{"identity-" + ada, "Registered", `{"email": "` + long + `"}`, ""},
				{"authentication-undefined", "UserLoggedIn", `{}`, ""},
			},
			query: `select concat_ws(' ', id, length(email)) from admin_users`,
			want:  []string{ada + " 254"},
		},
		"AdminStreams": {
			aggregator: adminstreams.Aggregator(),
			events: []event{
				{"viewing-1", "VideoViewed", `{}`, ""},
				{"viewing-2", "VideoViewed", `{}`, ""},
				{"viewing-1", "VideoViewed", `{}`, ""},
				{"subscriberPosition-components:x", "Read", `{"position": 3}`, ""},
				{"unheard-of", "Nothing", `{}`, ""},
				{"viewing-1", "Other", `{}`, ""},
			},
			query: `select concat_ws(' ', stream_name, message_count, last_message_global_position) from admin_streams order by stream_name`,
			want:  []string{"subscriberPosition-components:x 1 4", "unheard-of 1 5", "viewing-1 3 6", "viewing-2 1 2"},
		},
		"AdminSubscriberPositions": {
			aggregator: adminpositions.Aggregator(),
			events: []event{
				{"subscriberPosition-components:send-email", "Read", `{"position": 1}`, ""},
				{"subscriberPosition-e482ed56-0000-4000-8000-000000000000", "Read", `{"position": 2}`, ""},
				{"viewing-1", "Read", `{"position": 99}`, ""},
				{"subscriberPosition-components:send-email", "Read", `{"position": 9007199254740993, "messageId": "` + one + `"}`, ""},
				{"subscriberPosition-components:x+1-of-2", "Read", `{"position": -5}`, ""},
			},
			query: `select concat_ws(' ', id, position, last_message_global_position) from admin_subscriber_positions order by id`,
			want: []string{
				"components:send-email 9007199254740993 4", "components:x+1-of-2 -5 5", "e482ed56-0000-4000-8000-000000000000 2 2",
			},
		},
		"Sessions": {
			aggregator: sessions.Aggregator(),
			events: []event{
				authentication(ada, "UserLoggedOut", `{"sessionId": "`+one+`"}`),
				authentication(bob, "UserLoggedOut", `{"sessionId": "`+two+`"}`),
				authentication(bob, "UserLoggedOut", `{"sessionId": "`+one+`"}`),
				authentication("undefined", "UserLoggedOut", `{"sessionId": "`+three+`"}`),
				authentication(ada, "UserLoggedOut", `{"sessionId": "none"}`),
			},
			query: `select concat_ws(' ', session_id, coalesce(user_id::text, '-')) from ended_sessions order by session_id`,
			want:  []string{one + " " + ada, two + " " + bob, three + " -"},
		},
		"AdminMessages": {
			aggregator: adminmessages.Aggregator(),
			events: []event{
				registered(ada, "ada@example.com"),
				{"viewing-1", "VideoViewed", `{"videoId": "1"}`, `{"traceId": "` + two + `", "userId": null}`},
				{"viewing-2", "VideoViewed", `{"n": 1.50}`, ""},
				{"identity:command-" + ada, "Register", `{"list": [{"passwordHash": "secret"}], "n": 12345678901234567890}`, `{"traceId": "mine", "userId": 7}`},
			},
			query: `select concat_ws(' ', global_position, stream_name, position, category, type,
				coalesce(trace_id::text, '-'), coalesce(user_id::text, '-'), data, metadata) from admin_messages order by global_position`,
			want: []string{
				`1 identity-` + ada + ` 0 identity Registered ` + one + ` ` + ada +
					` {"email": "ada@example.com", "userId": "` + ada + `", "passwordHash": "***"} {"userId": "` + ada + `", "traceId": "` + one + `"}`,
				`2 viewing-1 0 viewing VideoViewed ` + two + ` - {"videoId": "1"} {"userId": null, "traceId": "` + two + `"}`,
				`3 viewing-2 0 viewing VideoViewed - - {"n": 1.50} {}`,
				`4 identity:command-` + ada + ` 0 identity:command Register - - {"n": 12345678901234567890, "list": [{"passwordHash": "***"}]} {"userId": 7, "traceId": "mine"}`,
			},
		},
		"AdminTypesAndCategories": {
			aggregator: adminmessages.Aggregator(),
			events: []event{
				{"viewing-1", "VideoViewed", `{}`, ""},
				{"other-1", "VideoViewed", `{}`, ""},
				{"viewing-2", "VideoViewed", `{}`, ""},
				{"viewing-2", "Other", `{}`, ""},
			},
			query: `select type || ' ' || message_count from admin_types
				union all select category || ' ' || message_count from admin_categories order by 1`,
			want: []string{"Other 1", "VideoViewed 3", "other 1", "viewing 3"},
		},
	}
}

const adminUsers = `select concat_ws('|', id, email, registration_email_sent, coalesce(registration_email_failed, '-'),
	confirmed, admin, last_identity_event_global_position, login_count, last_authentication_event_global_position)
	from admin_users order by email, id`
