package aggregators_test

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"videotutorials/aggregators/registrations"
	"videotutorials/aggregators/videooperations"
	"videotutorials/messagestore"
)

func register(user, email, traceID string) event {
	return event{
		messagestore.Category("identity:command").Stream(user), "Register",
		`{"userId": "` + user + `", "email": "` + email + `", "passwordHash": "h"}`, trace(traceID, user),
	}
}

// publish returns the command of the owner to publish the video.
func publish(video, owner, traceID string) event {
	return event{
		messagestore.Category("videoPublishing:command").Stream(video), "PublishVideo",
		`{"videoId": "` + video + `", "ownerId": "` + owner + `", "sourceUri": "upload:1"}`, trace(traceID, owner),
	}
}

// publishing returns an event of the publication of the video.
func publishing(video, owner, traceID, kind, data string) event {
	return about(video, owner, traceID, kind, `{"videoId": "`+video+`", "ownerId": "`+owner+`", "sourceUri": "upload:1", `+data+`}`)
}

// about returns an event of the video that the request of the user has caused.
func about(video, user, traceID, kind, data string) event {
	return event{messagestore.Category("videoPublishing").Stream(video), kind, data, trace(traceID, user)}
}

// tooLong returns a text that an index rejects: it is long and cannot be compressed.
func tooLong() string {
	var text strings.Builder
	for i := range byte(200) {
		fmt.Fprintf(&text, "%x", sha256.Sum256([]byte{i}))
	}
	return text.String()
}

func operationHistories() map[string]history {
	registrationsOf := func(want []string, events ...event) history {
		return history{
			aggregator: registrations.Aggregator(),
			events:     events,
			query: `select concat_ws('|', trace_id, user_id, succeeded, coalesce(code, '-'), coalesce(reason, '-')) from registrations
				union all select concat_ws('|', trace_id, user_id, 'waits') from registration_requests order by 1`,
			want: want,
		}
	}
	operations := func(want []string, events ...event) history {
		return history{
			aggregator: videooperations.Aggregator(),
			events:     events,
			query: `select concat_ws('|', trace_id, video_id, owner_id, succeeded, coalesce(failure_code, '-'), coalesce(failure_reason, '-')) from video_operations
				union all select concat_ws('|', trace_id, video_id, owner_id, 'waits') from video_publish_requests order by 1`,
			want: want,
		}
	}
	return map[string]history{
		"D22_Registrations": registrationsOf(
			[]string{one + "|" + ada + "|t|-|-", two + "|" + bob + "|f|EMAIL_TAKEN|is taken", three + "|" + carol + "|f||"},
			event{"identity-" + ada, "Registered", `{}`, trace(one, ada)},
			event{"identity-" + bob, "RegistrationRejected", `{"code": "EMAIL_TAKEN", "reason": "is taken"}`, trace(two, bob)},
			event{"identity-" + carol, "Registered", `{}`, trace(one, carol)},
			event{"identity-" + carol, "Registered", `{}`, `{"traceId": "mine"}`},
			event{"identity-" + carol, "Registered", `{}`, `{"traceId": 7}`},
			event{"identity-" + carol, "RegistrationRejected", `{}`, trace(three, carol)},
			event{"identity-" + carol, "Registered", `{}`, ""},
		),
		"D13_RegistrationRepeated": registrationsOf(
			[]string{
				one + "|" + ada + "|t|-|-", two + "|" + ada + "|t|-|-", three + "|" + ada + "|waits", four + "|" + ada + "|t|-|-",
				film + "|" + bob + "|waits",
			},
			register(ada, "ada@example.com", one),
			register(ada, " Ada@Example.COM ", two),
			register(ada, "other@example.com", three), // has an outcome of its own
			register(bob, "ada@example.com", film),    // has an outcome of its own
			event{"identity:command-undefined", "Register", `{"userId": "undefined"}`, trace(four, ada)},
			register(carol, "carol@example.com", "mine"),
			event{"identity-" + ada, "Registered", `{"userId": "` + ada + `", "email": "ada@example.com"}`, trace(one, ada)},
			register(ada, "ada@example.com", four),
			register(ada, "ada@example.com", one), // the trace has an outcome already
		),
		"RegistrationRepeated_Long": registrationsOf(
			[]string{one + "|" + ada + "|t|-|-", two + "|" + ada + "|t|-|-"},
			register(ada, tooLong(), one),
			event{"identity-" + ada, "Registered", `{"email": "` + tooLong() + `"}`, ""},
			register(ada, tooLong(), two),
		),
		"VideoOperations": operations(
			[]string{
				one + "|" + film + "|" + ada + "|t|-|-", two + "|" + film + "|" + bob + "|f|NOT_OWNER|is ada's",
				three + "|" + film + "|" + ada + "|t|-|-", four + "|" + film + "|" + ada + "|f|TOO_LONG|has 5,001",
			},
			about(film, ada, one, "VideoNamed", `{"name": "A name"}`),
			about(film, bob, two, "VideoNameRejected", `{"name": "B", "code": "NOT_OWNER", "reason": "is ada's"}`),
			about(film, ada, three, "VideoDescribed", `{"description": "D"}`),
			about(film, ada, four, "VideoDescriptionRejected", `{"code": "TOO_LONG", "reason": "has 5,001"}`),
			about(film, bob, one, "VideoNameRejected", `{"code": "BLANK"}`), // D22: a trace id has one outcome
		),
		"D13_OriginalVideoOperations": operations(
			[]string{one + "|" + film + "|" + ada + "|f|-|can't be blank", two + "|" + film + "|" + ada + "|t|-|-", three + "|" + carol + "|" + bob + "|f|-|no such file"},
			about("undefined", ada, four, "VideoNamed", `{"name": "A name"}`),
			about(film, ada, one, "VideoNameRejected", `{"name": " ", "reason": "can't be blank"}`),
			about(film, "undefined", four, "VideoNamed", `{}`),
			about(film, ada, "undefined", "VideoNamed", `{}`),
			event{"videoPublishing-" + film, "VideoNamed", `{}`, `{"traceId": "` + four + `", "userId": null}`},
			event{"videoPublishing-" + film, "VideoNamed", `{}`, ""},
			publishing(film, "undefined", four, "VideoPublished", `"later": 1`),
			publish("undefined", ada, four),
			publish(film, "undefined", four),
			event{"videoPublishing:command-" + film, "PublishVideo", `{"videoId": "` + film + `", "ownerId": "` + ada + `"}`, trace(four, bob)},
			publishing(film, ada, two, "VideoPublished", `"transcodedUri": "https://example.com/fake"`),
			publishing(carol, bob, three, "VideoPublishingFailed", `"reason": "no such file"`),
		),
		"PublishRepeated": operations(
			[]string{
				one + "|" + film + "|" + ada + "|t|-|-", two + "|" + film + "|" + ada + "|t|-|-", three + "|" + film + "|" + bob + "|waits",
				four + "|" + film + "|" + ada + "|t|-|-", carol + "|" + ada + "|" + ada + "|waits",
			},
			publish(film, ada, one),
			publish(film, ada, two),
			publish(film, bob, three), // has an outcome of its own
			publish(ada, ada, carol),  // another video
			publishing(film, ada, one, "VideoPublished", `"transcodedUri": "/media/1"`),
			publish(film, ada, four),
			publish(film, ada, one), // the trace has an outcome already
		),
		"D15_PublishFailedRepeated": operations(
			[]string{
				one + "|" + film + "|" + ada + "|f|NOT_A_VIDEO|is text", two + "|" + film + "|" + ada + "|f|NOT_A_VIDEO|is text",
				three + "|" + film + "|" + ada + "|f|NOT_A_VIDEO|is text",
			},
			publish(film, ada, one),
			publish(film, ada, two),
			publishing(film, ada, one, "VideoPublishingFailed", `"code": "NOT_A_VIDEO", "reason": "is text"`),
			publish(film, ada, three),
		),
		"D12_PublishRefused": operations(
			[]string{
				one + "|" + film + "|" + ada + "|waits", two + "|" + film + "|" + bob + "|f|NOT_OWNER|is another's",
				three + "|" + film + "|" + bob + "|waits", four + "|" + film + "|" + carol + "|f|NOT_OWNER|is another's",
			},
			publish(film, ada, one),
			publish(film, bob, two),
			publish(film, bob, three),
			publishing(film, bob, two, "VideoPublishingFailed", `"code": "NOT_OWNER", "reason": "is another's"`),
			about(film, carol, four, "VideoPublishingFailed", `{"ownerId": "`+ada+`", "code": "NOT_OWNER", "reason": "is another's"}`), // in ada's name
		),
		"PublishedAfterFailure": operations( // two instances of the original system can write both
			[]string{
				one + "|" + film + "|" + ada + "|f|-|timeout", two + "|" + film + "|" + ada + "|t|-|-", three + "|" + film + "|" + ada + "|t|-|-",
				four + "|" + film + "|" + ada + "|f|-|late",
			},
			publishing(film, ada, one, "VideoPublishingFailed", `"reason": "timeout"`),
			publishing(film, ada, two, "VideoPublished", `"later": 1`),
			publishing(film, ada, four, "VideoPublishingFailed", `"reason": "late"`),
			publish(film, ada, three),
		),
		"PublishedWithoutUser": operations( // other requests of the owner have the outcome
			[]string{one + "|" + film + "|" + ada + "|t|-|-"},
			publish(film, ada, one),
			event{"videoPublishing-" + film, "VideoPublished", `{"ownerId": "` + ada + `"}`, ""},
		),
	}
}
