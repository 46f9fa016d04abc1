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
		before, err := home(ctx, http.DefaultClient, url)
		if err != nil {
			return err
		}
		if err := post(ctx, http.DefaultClient, url+"/v1/videos/5f0c1d5e-8a51-4e4e-9a25-0c5f3f6f1a2b/viewings"); err != nil {
			return err
		}
		start := time.Now()
		for now := before; now.VideosWatched == before.VideosWatched; {
			if now, err = home(ctx, http.DefaultClient, url); err != nil {
				return err
			}
			if time.Since(start) > 10*time.Second {
				return errors.New("the home page did not change")
			}
		}
		took = append(took, milliseconds(start))
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
	body, err := call(ctx, client, http.MethodGet, url+"/v1/home", http.StatusOK)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(body, &p)
}

func post(ctx context.Context, client *http.Client, url string) error {
	_, err := call(ctx, client, http.MethodPost, url, http.StatusAccepted)
	return err
}

// call returns the body of the response, or an error if it has another status.
func call(ctx context.Context, client *http.Client, method, url string, status int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("%s %s: %s", method, url, response.Status)
	}
	return body, err
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }
