package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"videotutorials/mvc"
)

const (
	// viewers is the number of connections that post viewings, videos the number of
	// videos they are spread over.
	viewers = 64
	videos  = 1000
	// offered is the number of viewings per second posted while the time until they
	// are visible is measured.
	offered = 500
)

// viewings measures viewings per second over REST, compared with the classical version
// on the same Postgres, spread over videos and all on one, and the time from the answer
// to a post until the home page shows it. Both must have counted all in the end.
func viewings(ctx context.Context, s *system, bin string, round time.Duration) error {
	url, err := s.startMVC(ctx, bin, videos)
	if err != nil {
		return err
	}
	// One for the home page.
	if err := s.command(ctx, bin, "populate", "-users", "1", "-videos", "1").Run(); err != nil {
		return fmt.Errorf("populate: %w", err)
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
		const rounds = 5
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

// A site is the system or the classical version.
type site struct {
	url    string
	client *http.Client
	// before is the number of viewings counted at the start. Posts begun and
	// acknowledged since then are counted below.
	before              int64
	begun, acknowledged atomic.Int64
}

func newSite(ctx context.Context, url string) (*site, error) {
	s := &site{url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: viewers + 1}}}
	var err error
	s.before, err = videosWatched(ctx, s.client, url)
	return s, err
}

// view posts the nth viewing, spread over a number of videos.
func (s *site) view(ctx context.Context, n, videos int) error {
	s.begun.Add(1)
	err := post(ctx, s.client, s.url+"/v1/videos/"+mvc.VideoID(1+n%videos).String()+"/viewings")
	if err == nil {
		s.acknowledged.Add(1)
	}
	return err
}

// watched returns the number of viewings on the home page.
func (s *site) watched(ctx context.Context) (int64, error) {
	n, err := videosWatched(ctx, s.client, s.url)
	return n - s.before, err
}

// rate returns the viewings per second. It returns when the home page shows them all,
// so that no work is left while the other site is measured.
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

// seen returns the milliseconds from the answer to each viewing of one video until the
// home page showed it, while viewings of other videos are posted at the pace.
func (s *site) seen(ctx context.Context, round time.Duration) (took []float64, err error) {
	offering, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.offer(offering) }()
	begun := time.Now()
	for time.Since(begun) < round && err == nil {
		var milliseconds float64
		milliseconds, err = s.probe(ctx)
		if time.Since(begun) > round/5 {
			took = append(took, milliseconds)
		}
	}
	stop()
	return took, errors.Join(err, <-ended, s.settle(ctx))
}

// first waits for the first video on the home page and returns it.
func (s *site) first(ctx context.Context) (video string, views int64, err error) {
	for {
		p, err := home(ctx, s.client, s.url)
		if err != nil {
			return "", 0, err
		}
		if len(p.Videos) > 0 {
			return p.Videos[0].VideoID, p.Videos[0].Views, nil
		}
		if sleep(ctx, 10*time.Millisecond); ctx.Err() != nil {
			return "", 0, ctx.Err()
		}
	}
}

// probe posts a viewing of the first video on the home page and reads the page until
// it is counted.
func (s *site) probe(ctx context.Context) (milliseconds float64, err error) {
	video, before, err := s.first(ctx)
	if err != nil {
		return 0, err
	}
	s.begun.Add(1)
	if err := post(ctx, s.client, s.url+"/v1/videos/"+video+"/viewings"); err != nil {
		return 0, err
	}
	s.acknowledged.Add(1)
	answered := time.Now()
	for {
		_, views, err := s.first(ctx)
		if err != nil {
			return 0, err
		}
		if views > before {
			return float64(time.Since(answered).Microseconds()) / 1000, nil
		}
		sleep(ctx, time.Millisecond) // who reads is not to be the load
	}
}

// offer posts viewings of other videos at the pace until the context ends.
func (s *site) offer(ctx context.Context) error {
	var (
		mu      sync.Mutex
		failure error
		posts   sync.WaitGroup
	)
	start := time.Now()
	slots := make(chan struct{}, viewers)
	for n := 1; ctx.Err() == nil; n++ {
		sleep(ctx, time.Until(start.Add(time.Duration(n)*time.Second/offered)))
		slots <- struct{}{}
		posts.Go(func() {
			defer func() { <-slots }()
			if err := s.view(context.WithoutCancel(ctx), 1+n%(videos-1), videos); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failure = err
			}
		})
	}
	posts.Wait()
	return failure
}
