package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// postToHome measures the time from the answer to a post until the number on the home
// page has changed, for a client that reads the page repeatedly.
func postToHome(ctx context.Context, s *system) error {
	const posts, warm = 500, 50 // the first ones pay for connections and plans
	url := s.env["VT_HTTP_URL"]
	var took []float64
	for range warm + posts {
		before, err := videosWatched(ctx, http.DefaultClient, url)
		if err != nil {
			return err
		}
		if err := post(ctx, http.DefaultClient, url+"/v1/videos/5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b/viewings"); err != nil {
			return err
		}
		start := time.Now()
		for now := before; now == before; {
			if now, err = videosWatched(ctx, http.DefaultClient, url); err != nil {
				return err
			}
			if time.Since(start) > 10*time.Second {
				return errors.New("the home page did not change")
			}
		}
		took = append(took, float64(time.Since(start).Microseconds())/1000)
	}
	took = took[warm:]
	reportLatency("post to home page, p50", percentile(took, 0.5), 0, 10)
	reportLatency("post to home page, p99", percentile(took, 0.99), 0, 50)
	return nil
}

// A page is the home page.
type page struct {
	VideosWatched int64 `json:",string"`
	Videos        []struct {
		VideoID string
		Views   int64 `json:",string"`
	}
}

func home(ctx context.Context, client *http.Client, url string) (p page, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/home", nil)
	if err != nil {
		return p, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return p, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read to its end
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(body, &p)
}

func videosWatched(ctx context.Context, client *http.Client, url string) (int64, error) {
	p, err := home(ctx, client, url)
	return p.VideosWatched, err
}

func post(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read to its end
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("post %s: %s", url, answer.Status)
	}
	return nil
}
