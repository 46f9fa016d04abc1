package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"videotutorials/mvc"
)

const (
	// viewers is the number of connections that post viewings.
	viewers = 64
	// videos is the number of videos of the classical version.
	videos = 1000
	// offered is the number of viewings per second posted while delays are measured.
	offered = 500
)

// viewings measures viewings per second over REST, compared with the classical version
// on the same Postgres, spread over videos and all on one, and the delay from the
// response to a post until the home page shows the viewing. It fails if a site does not
// count every viewing.
func viewings(ctx context.Context, s *system, bin string, round time.Duration) error {
	url, err := s.startMVC(ctx, bin, videos)
	if err != nil {
		return err
	}
	// The home page needs one published video.
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
		reportRate(c.name, percentile(rates[0], 0.5), percentile(rates[1], 0.5), c.goal)
	}
	delays, err := ours.delays(ctx, round)
	if err != nil {
		return err
	}
	peerDelays, err := peer.delays(ctx, round)
	if err != nil {
		return err
	}
	reportLatency("post to home page at 500/s, p50 / mvc", percentile(delays, 0.5), percentile(peerDelays, 0.5), 10)
	reportLatency("post to home page at 500/s, p99 / mvc", percentile(delays, 0.99), percentile(peerDelays, 0.99), 50)
	return nil
}

// A site is the system or the classical version.
type site struct {
	url    string
	client *http.Client
	// before is the number of viewings counted at the start.
	before int64
	// acknowledged is the number of viewings accepted since then.
	acknowledged atomic.Int64
}

func newSite(ctx context.Context, url string) (*site, error) {
	s := &site{url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: viewers + 1}}}
	p, err := home(ctx, s.client, url)
	s.before = p.VideosWatched
	return s, err
}

// view posts a viewing.
func (s *site) view(ctx context.Context, video string) error {
	err := post(ctx, s.client, s.url+"/v1/videos/"+video+"/viewings")
	if err == nil {
		s.acknowledged.Add(1)
	}
	return err
}

// rate returns the viewings per second. It returns when the home page shows them all,
// so that no work is left while the other site is measured.
func (s *site) rate(ctx context.Context, videos int, round time.Duration) (float64, error) {
	viewed, err := rate(ctx, viewers, round, func(ctx context.Context, _, n int) error {
		return s.view(ctx, mvc.VideoID(1+n%videos).String())
	})
	if err != nil {
		return 0, err
	}
	return viewed, s.settle(ctx)
}

// settle waits until the home page shows all acknowledged viewings.
func (s *site) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		p, err := home(ctx, s.client, s.url)
		n, want := p.VideosWatched-s.before, s.acknowledged.Load()
		switch {
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

// delays returns the milliseconds from the response to each viewing of one video until
// the home page shows it, while viewings of other videos are posted at the rate
// offered.
func (s *site) delays(ctx context.Context, round time.Duration) (took []float64, err error) {
	offering, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.offer(offering) }()
	begun := time.Now()
	for time.Since(begun) < round && err == nil {
		var delay float64
		delay, err = s.delay(ctx)
		if time.Since(begun) > round/5 {
			took = append(took, delay)
		}
	}
	stop()
	return took, errors.Join(err, <-ended, s.settle(ctx))
}

// delay posts a viewing of the first video on the home page and reads the page until
// it shows the viewing.
func (s *site) delay(ctx context.Context) (float64, error) {
	video, before, err := s.first(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.view(ctx, video); err != nil {
		return 0, err
	}
	answered := time.Now()
	for {
		_, views, err := s.first(ctx)
		if err != nil {
			return 0, err
		}
		if views > before {
			return milliseconds(answered), nil
		}
		sleep(ctx, time.Millisecond) // so that the reads are not the load
	}
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

// offer posts viewings of the videos except the first at the rate offered, until the
// context ends.
func (s *site) offer(ctx context.Context) error {
	var posts errgroup.Group
	posts.SetLimit(viewers)
	start := time.Now()
	for n := 1; ctx.Err() == nil; n++ {
		sleep(ctx, time.Until(start.Add(time.Duration(n)*time.Second/offered)))
		posts.Go(func() error {
			return s.view(context.WithoutCancel(ctx), mvc.VideoID(2+n%(videos-1)).String())
		})
	}
	return posts.Wait()
}
