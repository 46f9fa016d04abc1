package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"videotutorials/mvc"
)

const (
	// viewers is how many connections post viewings, and videos over how many
	// they are spread.
	viewers = 64
	videos  = 1000
	// offered is how many viewings a second are posted while it is measured when
	// they are seen.
	offered = 500
	// lookAgain is the pause between two looks at the home page; it adds to what is
	// measured.
	lookAgain = time.Millisecond
)

// viewings measures viewings a second over REST beside the classical version on
// the same Postgres, spread and all on one video, and the time from the answer to
// a post until the home page shows it. Each has to have counted all in the end.
func viewings(ctx context.Context, s *system, bin string, round time.Duration) error {
	url, err := s.startMVC(ctx, bin, videos)
	if err != nil {
		return err
	}
	ours, err := newSite(ctx, s.env["VT_HTTP_URL"])
	if err != nil {
		return err
	}
	peer, err := newSite(ctx, url)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name   string
		videos int
		goal   float64
	}{{"viewings, spread over 1,000 videos / mvc", videos, 0.8}, {"viewings, all on one video / mvc", 1, 1}} {
		const rounds = 3
		var rates [2][]float64
		for range rounds {
			for i, site := range []*site{ours, peer} {
				viewed, err := site.rate(ctx, c.videos, round)
				if err != nil {
					return err
				}
				rates[i] = append(rates[i], viewed)
			}
		}
		report(c.name, "/s", median(rates[0]), median(rates[1]), c.goal)
	}
	seen, err := ours.seen(ctx, round)
	if err != nil {
		return err
	}
	theirs, err := peer.seen(ctx, round)
	if err != nil {
		return err
	}
	reportLatency("post to home page at 500/s, p50 / mvc", percentile(seen, 0.5), percentile(theirs, 0.5), 10)
	reportLatency("post to home page at 500/s, p99 / mvc", percentile(seen, 0.99), percentile(theirs, 0.99), 50)
	return nil
}

// A site is one of the two versions.
type site struct {
	url    string
	client *http.Client
	// before is how many viewings it had counted at first. Since then posts were
	// begun, and acknowledged.
	before              int64
	begun, acknowledged atomic.Int64
}

func newSite(ctx context.Context, url string) (*site, error) {
	s := &site{url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: viewers + 1}}}
	var err error
	s.before, err = videosWatched(ctx, s.client, url)
	return s, err
}

// view posts the nth viewing of so many videos.
func (s *site) view(ctx context.Context, n, videos int) error {
	s.begun.Add(1)
	err := post(ctx, s.client, s.url+"/v1/videos/"+mvc.VideoID(1+n%videos).String()+"/viewings")
	if err == nil {
		s.acknowledged.Add(1)
	}
	return err
}

// watched returns how many of the viewings the home page shows.
func (s *site) watched(ctx context.Context) (int64, error) {
	n, err := videosWatched(ctx, s.client, s.url)
	return n - s.before, err
}

// rate returns the viewings a second. The home page shows them all when it
// returns, so that nothing is left to do while the other one is measured.
func (s *site) rate(ctx context.Context, videos int, round time.Duration) (float64, error) {
	viewed, err := rate(ctx, viewers, round, func(ctx context.Context, _, n int) error { return s.view(ctx, n, videos) })
	if err != nil {
		return 0, err
	}
	return viewed, s.settle(ctx)
}

func (s *site) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		n, err := s.watched(ctx)
		switch want := s.acknowledged.Load(); {
		case err != nil:
			return fmt.Errorf("the home page of %s does not show all viewings: %w", s.url, err)
		case n > want:
			return fmt.Errorf("the home page of %s shows %d viewings, %d were posted", s.url, n, want)
		case n == want:
			return nil
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// A viewing is one that was acknowledged, when so many had been begun.
type viewing struct {
	at    time.Time
	begun int64
}

// A reading is what a reader of the home page had seen then.
type reading struct {
	at      time.Time
	watched int64
}

// seen returns for each viewing how many milliseconds passed from its answer until
// somebody who reads the page again and again had seen it, for sure: what had
// begun before its answer is before it, or is counted too.
func (s *site) seen(ctx context.Context, round time.Duration) ([]float64, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var readings []reading
	var failure error
	var reader sync.WaitGroup
	reader.Go(func() {
		for watching.Err() == nil && failure == nil {
			var n int64
			n, failure = s.watched(ctx)
			readings = append(readings, reading{time.Now(), n})
			sleep(watching, lookAgain) // who reads is not to be the load
		}
	})
	viewings, err := s.offer(ctx, round)
	if err == nil {
		err = s.settle(ctx)
	}
	stop()
	reader.Wait()
	if err := errors.Join(err, failure); err != nil {
		return nil, err
	}
	var took []float64
	for _, v := range viewings {
		i, _ := slices.BinarySearchFunc(readings, v.begun, func(r reading, begun int64) int { return int(r.watched - begun) })
		for i < len(readings) && readings[i].at.Before(v.at) {
			i++
		}
		if i < len(readings) {
			took = append(took, float64(readings[i].at.Sub(v.at).Microseconds())/1000)
		}
	}
	if len(took) < len(viewings)*99/100 {
		return nil, fmt.Errorf("%d of %d viewings were seen", len(took), len(viewings))
	}
	return took, nil
}

// offer posts viewings at the pace for the duration, and returns those of its
// last four fifths.
func (s *site) offer(ctx context.Context, round time.Duration) ([]viewing, error) {
	var (
		mu       sync.Mutex
		viewings []viewing
		failure  error
		posts    sync.WaitGroup
	)
	start := time.Now()
	slots := make(chan struct{}, viewers)
	for n := 0; time.Since(start) < round && ctx.Err() == nil; n++ {
		sleep(ctx, time.Until(start.Add(time.Duration(n)*time.Second/offered)))
		slots <- struct{}{}
		posts.Go(func() {
			defer func() { <-slots }()
			err := s.view(ctx, n, videos)
			v := viewing{time.Now(), s.begun.Load()}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failure = err
			} else if v.at.Sub(start) > round/5 {
				viewings = append(viewings, v)
			}
		})
	}
	posts.Wait()
	return viewings, errors.Join(failure, ctx.Err())
}
