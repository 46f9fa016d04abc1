package aggregators_test

import (
	"strings"

	"videotutorials/aggregators/creatorsvideos"
	"videotutorials/aggregators/homepage"
	"videotutorials/messagestore"
)

func viewed(video string) event {
	return event{messagestore.Category("viewing").Stream(video), "VideoViewed", `{"userId": null, "videoId": "` + video + `"}`, trace(one, ada)}
}

func named(video, name string) event {
	return about(video, ada, one, "VideoNamed", `{"name": "`+name+`"}`)
}

func described(video, text string) event {
	return about(video, ada, one, "VideoDescribed", `{"description": "`+text+`"}`)
}

func published(video, owner string) event {
	return publishing(video, owner, one, "VideoPublished",
		`"transcodedUri": "/media/`+video+`", "transcoded": true, "contentType": "video/mp4", "posterUri": "/media/`+video+`/poster"`)
}

func attempted(video, owner string) event {
	return publishing(video, owner, one, "PublishAttempted", `"attempt": 1, "until": "2026-01-02T03:04:05Z"`)
}

func failed(video, owner, code string) event {
	return publishing(video, owner, one, "VideoPublishingFailed", `"code": "`+code+`", "reason": "why"`)
}

func videoHistories() map[string]history {
	home := func(want []string, events ...event) history {
		return history{
			aggregator: homepage.Aggregator(),
			events:     events,
			query: `select concat_ws('|', video_id, coalesce(name, '-'), views, coalesce(owner_id::text, '-'), coalesce(published_position, -1)) from home_videos
				union all select concat_ws('|', page_name, page_data->>'videosWatched', page_data->>'lastViewProcessed') from pages order by 1`,
			want: want,
		}
	}
	creators := func(want []string, events ...event) history {
		return history{
			aggregator: creatorsvideos.Aggregator(),
			events:     events,
			query: `select concat_ws('|', id, owner_id, status, coalesce(name, '-'), coalesce(description, '-'), views, position, first_position,
					coalesce(source_uri, '-'), coalesce(transcoded_uri, '-'), coalesce(poster_uri, '-'), coalesce(content_type, '-'),
					coalesce(failure_code, '-'), coalesce(failure_reason, '-')) from creators_portal_videos
				union all select concat_ws('|', video_id, 'ownerless', coalesce(name, '-'), coalesce(description, '-'), views) from ownerless_videos order by 1`,
			want: want,
		}
	}
	const notWatchable, watchable = "upload:1|-|-|-", "upload:1|/media/" + film + "|/media/" + film + "/poster|video/mp4"
	return map[string]history{
		"D16_Home": home(
			[]string{
				one + "|-|1|-|-1", two + "|B|2|" + bob + "|7", three + "|-|0|" + ada + "|8", film + "|Newer|3|" + ada + "|4", "home|7|15",
			},
			viewed(film), viewed(one),
			named(film, "A name"),
			published(film, ada),
			viewed(film), viewed(two),
			published(two, bob), published(three, ada),
			event{"viewing-undefined", "VideoViewed", `{}`, ""}, // counts for the home page only
			viewed(film),
			published(film, bob), // the second publication
			failed(film, ada, "FAILED"),
			named(two, "B"), named(film, "Newer"),
			viewed(two),
		),
		"Home_Viewings": home(
			[]string{
				one + "|-|4|-|-1", two + "|-|2|-|-1", three + "|-|1|-|-1", film + "|A name|5|" + ada + "|6", "home|15|16",
			},
			viewed(film), viewed(one), viewed(film), viewed(two), viewed(one),
			published(film, ada),
			viewed(one), viewed(film),
			event{"viewing-undefined", "VideoViewed", `{}`, ""}, viewed(film),
			event{"viewing-1", "VideoViewed", `{}`, ""}, event{"viewing-undefined", "VideoViewed", `{}`, ""},
			viewed(film), viewed(three), viewed(two), viewed(one),
			named(film, "A name"),
		),
		"D13_OriginalHome": home(
			[]string{film + "|" + strings.Repeat("ü", 200) + "|0|-|-1", "home|0|0"},
			published("undefined", ada), published(film, "undefined"), named("undefined", "A name"),
			named(film, strings.Repeat("ü", 300)),
		),
		"D12_NameBeforePublication": creators(
			[]string{one + "|ownerless|-|-|1", film + "|" + ada + "|published|A name|About|3|4|5|" + watchable + "|-|-"},
			viewed(film), named(film, "First"), described(film, "About"), viewed(one),
			attempted(film, ada), viewed(film), named(film, "A name"),
			published(film, ada), viewed(film),
		),
		"D12_OriginalNameBeforePublication": creators(
			[]string{film + "|" + ada + "|published|A name|-|1|1|3|upload:1|https://example.com/fake|-|-|-|-"},
			named(film, "A name"), viewed(film),
			publishing(film, ada, one, "VideoPublished", `"transcodedUri": "https://example.com/fake"`),
		),
		"CreatorsVideos_Publishing": creators(
			[]string{film + "|" + ada + "|publishing|-|-|0|0|1|" + notWatchable + "|-|-"},
			attempted(film, ada), attempted(film, ada), attempted(film, ada),
		),
		"CreatorsVideos_Viewings": creators(
			[]string{
				one + "|ownerless|-|-|4", two + "|" + bob + "|failed|-|-|5|1|16|" + notWatchable + "|FAILED|why",
				film + "|" + ada + "|publishing|A name|-|6|1|5|" + notWatchable + "|-|-",
			},
			viewed(film), viewed(one), viewed(film), viewed(two),
			attempted(film, ada),
			viewed(film), viewed(two), viewed(one),
			event{"viewing-undefined", "VideoViewed", `{}`, ""},
			viewed(film), viewed(two), viewed(one),
			named(film, "A name"),
			viewed(two), viewed(film),
			attempted(two, bob),
			viewed(two), viewed(one), viewed(film),
			failed(two, bob, "FAILED"),
		),
		"CreatorsVideos_Twice": creators(
			[]string{film + "|" + ada + "|published|A name|Newer|1|4|1|" + watchable + "|-|-"},
			published(film, ada), named(film, "A name"), described(film, "About"), published(film, bob), described(film, "Newer"),
			attempted(film, bob), failed(film, ada, "FAILED"), viewed(film),
		),
		"D15_FailedPublishing": creators(
			[]string{
				two + "|" + bob + "|failed|-|-|0|0|6|" + notWatchable + "|-|why",
				film + "|" + ada + "|failed|Named|-|2|4|2|" + notWatchable + "|NOT_A_VIDEO|why",
			},
			viewed(film), attempted(film, ada), viewed(film), failed(film, ada, "NOT_A_VIDEO"), failed(film, ada, "FAILED"),
			failed(two, bob, ""), // the original system has no attempt and no code
			attempted(film, ada), named(film, "Named"),
		),
		"D12_RefusedPublishing": creators(
			[]string{one + "|ownerless|A name|-|1", film + "|" + ada + "|publishing|-|-|0|0|1|" + notWatchable + "|-|-"},
			attempted(film, ada), failed(film, bob, "NOT_OWNER"), failed(film, ada, "NOT_OWNER"), failed(film, bob, "FAILED"),
			named(one, "A name"), viewed(one), failed(one, ada, "NOT_OWNER"),
		),
		"PublishedAfterFailureOfAnother": creators( // two instances of the original system can write both
			[]string{film + "|" + ada + "|published|-|-|0|1|1|" + watchable + "|-|-"},
			failed(film, bob, ""), published(film, ada),
		),
		"D13_OriginalCreatorsVideos": creators(
			[]string{film + "|ownerless|" + strings.Repeat("ü", 200) + "|" + strings.Repeat("ä", 5000) + "|0"},
			published("undefined", ada), published(film, "undefined"), failed(film, "undefined", ""), attempted(film, "undefined"),
			named("undefined", "A name"), event{"viewing-undefined", "VideoViewed", `{}`, ""},
			named(film, strings.Repeat("ü", 300)), described(film, strings.Repeat("ä", 6000)),
		),
	}
}
