// Aggregators runs the aggregators of Video Tutorials, which write View Data.
package main

import (
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
)

func main() { aggregators.Main(all()...) }

func all() []aggregators.Aggregator {
	return []aggregators.Aggregator{
		adminmessages.Aggregator(),
		adminpositions.Aggregator(),
		adminstreams.Aggregator(),
		adminusers.Aggregator(),
		creatorsvideos.Aggregator(),
		homepage.Aggregator(),
		registrations.Aggregator(),
		sessions.Aggregator(),
		usercredentials.Aggregator(),
		videooperations.Aggregator(),
	}
}
