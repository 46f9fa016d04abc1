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

	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// checkPrivate checks that the application rejects an address of this machine as a
// source, and that the component rejects a command with one.
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
		video := s.writePublish(owner, source)
		s.video(owner, video, "is not fetched from "+source, func(v object) bool {
			return v.object("failure").text("code") == "UNREACHABLE_SOURCE"
		})
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests reached the private address", n)
	}
}

// writePublish writes a command that the application would reject, and returns the
// video.
func (s *system) writePublish(owner creator, source string) (video string) {
	s.t.Helper()
	video = uuid.NewString()
	w := s.newWrite("videoPublishing:command-"+video,
		&videopublishingv1.PublishVideo{OwnerId: owner.id, SourceUri: source, VideoId: video}, contract.Metadata{UserID: &owner.id})
	if _, err := s.store("application").WriteBatch(s.t.Context(), w); err != nil {
		s.t.Fatal(err)
	}
	return video
}

// checkBrokenUpload checks that no file is left when the connection breaks during an
// upload, with a known length or in chunks.
func (s *system) checkBrokenUpload(t *testing.T, owner creator) {
	t.Helper()
	before := s.files("uploads/*/*")
	for name, header := range map[string]string{"Length": "Content-Length: 1000000", "Chunks": "Transfer-Encoding: chunked"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		// The first part is also a complete chunk.
		part := fmt.Sprintf("%x\r\n%s\r\n", 100_000, strings.Repeat("x", 100_000))
		_, err = fmt.Fprintf(conn, "POST /v1/me/uploads HTTP/1.1\r\nHost: here\r\n%s: %s\r\nContent-Type: video/mp4\r\n%s\r\n\r\n%s",
			owner.session[0], owner.session[1], header, part)
		if err != nil {
			t.Fatal(err)
		}
		s.until(name+": the first part is written", func() bool {
			return slices.ContainsFunc(s.files("tmp/*/*"), func(path string) bool {
				info, err := os.Stat(path)
				return err == nil && info.Size() > 0
			})
		})
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		s.until(name+": the temporary file is removed", func() bool { return len(s.files("tmp/*")) == 0 })
		if now := s.files("uploads/*/*"); !slices.Equal(now, before) {
			t.Errorf("%s: the uploads are %v, before %v", name, now, before)
		}
	}
}
