package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// checkPrivate names an address of this machine as a source: the application
// refuses it and, where the command is there all the same, so does the component.
func (s *system) checkPrivate(t *testing.T, owner creator) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, source := range []string{server.URL, "http://localhost" + port, "http://[::1]" + port, "http://2130706433" + port} {
		status, answer := s.post("/v1/me/videos", `{"sourceUri": "`+source+`"}`, owner.session...)
		if named := answer.violations(); status != http.StatusBadRequest || !slices.Equal(named, []string{"sourceUri"}) {
			t.Errorf("%s: %d %v", source, status, answer)
		}
		video := s.publishPast(owner, source)
		s.video(owner, video, "is not fetched from "+source, func(v object) bool {
			return v.object("failure").text("code") == "UNREACHABLE_SOURCE"
		})
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("somebody asked there %d times", n)
	}
}

// publishPast writes the command that the application would not, and returns the
// video.
func (s *system) publishPast(owner creator, source string) (video string) {
	s.t.Helper()
	video = uuid.NewString()
	data, err := contract.Marshal(&videopublishingv1.PublishVideo{OwnerId: owner.id, SourceUri: source, VideoId: video})
	if err != nil {
		s.t.Fatal(err)
	}
	m := messagestore.NewMessage{ID: uuid.NewString(), Type: "PublishVideo", Data: data,
		Metadata: contract.Metadata{TraceID: uuid.NewString(), UserID: &owner.id}.String()}
	_, err = s.store("application").Write(s.t.Context(), messagestore.Stream("videoPublishing:command-"+video), messagestore.Any, m)
	if err != nil {
		s.t.Fatal(err)
	}
	return video
}

// checkBrokenUpload cuts the connection in the middle of an upload, whose length
// was said or was not: nothing of it stays.
func (s *system) checkBrokenUpload(t *testing.T, owner creator) {
	t.Helper()
	before := s.files("uploads/*/*")
	for name, header := range map[string]string{"Length": "Content-Length: 1000000", "Chunks": "Transfer-Encoding: chunked"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		// The first part is whole as a chunk, too.
		part := fmt.Sprintf("%x\r\n%s\r\n", 100_000, strings.Repeat("x", 100_000))
		_, err = fmt.Fprintf(conn, "POST /v1/me/uploads HTTP/1.1\r\nHost: here\r\n%s: %s\r\nContent-Type: video/mp4\r\n%s\r\n\r\n%s",
			owner.session[0], owner.session[1], header, part)
		if err != nil {
			t.Fatal(err)
		}
		s.until(name+": the first part is there", func() bool {
			return slices.ContainsFunc(s.files("tmp/*/*"), func(path string) bool {
				info, err := os.Stat(path)
				return err == nil && info.Size() > 0
			})
		})
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		s.until(name+": nothing of it is left", func() bool { return len(s.files("tmp/*")) == 0 })
		if now := s.files("uploads/*/*"); !slices.Equal(now, before) {
			t.Errorf("%s: the uploads are %v, before %v", name, now, before)
		}
	}
}
