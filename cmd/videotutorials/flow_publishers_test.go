package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

// Two instances of the component handle each of a hundred commands once, and the
// commands of a video in order.
func TestFlow12_TwoPublishers(t *testing.T) {
	t.Parallel()
	const videos, names = 20, 4
	s := start(t, newFolder(t), nil, "-only", "messagestore,aggregators,application")
	s.videotutorials("populate", "-users", "3", "-videos", fmt.Sprint(videos))
	s.renameAll(names - 1)
	for range 2 {
		s.components("videopublishing")
	}
	counted := func(name string) int {
		return s.count("select count(*) from message_store.messages where type = $1", name)
	}
	s.until("all is done", func() bool { return counted("VideoPublished") >= videos && counted("VideoNamed") >= videos*names })
	s.until("the dashboards have the last names", func() bool {
		return s.countView("select count(*) from creators_portal_videos where status = 'published' and name = $1", lastName(names-1)) == videos
	})
	commanded := s.read("type = 'PublishVideo'")
	s.checkWatchable(t, commanded[0].Data.text("videoId"))
	for _, m := range commanded {
		video := m.Data.text("videoId")
		var given []string
		for _, named := range s.read("stream_name = $1 and type = 'VideoNamed'", "videoPublishing-"+video) {
			given = append(given, named.Data.text("name"))
		}
		commands := s.read("stream_name = $1 and type = 'NameVideo'", m.StreamName)
		for i, c := range commands {
			if len(given) != len(commands) || given[i] != c.Data.text("name") {
				t.Errorf("%s has the names %v, want those of the commands in order", video, given)
				break
			}
		}
		if got := s.history(video); strings.Count(got, "VideoPublished") != 1 {
			t.Errorf("the stream of the video has %s", got)
		}
	}
	// An attempt with a lease in the year 1 only waits for another one.
	if n := s.count("select count(*) from message_store.messages where type = 'PublishAttempted' and data->>'until' not like '0001-%'"); n != videos {
		t.Errorf("%d attempts, want %d", n, videos)
	}
	if left := s.files("tmp/*"); len(left) != 0 || len(s.files("videos/*.jpg")) != videos {
		t.Errorf("%d posters; temporary files are left: %v", len(s.files("videos/*.jpg")), left)
	}
}

func lastName(n int) string { return fmt.Sprintf("Lesson, name %d", n) }

// renameAll writes n commands NameVideo for each video.
func (s *system) renameAll(n int) {
	s.t.Helper()
	var writes []messagestore.Write
	for i := range n {
		for _, m := range s.read("type = 'PublishVideo'") {
			video, owner := m.Data.text("videoId"), m.Data.text("ownerId")
			command := &videopublishingv1.NameVideo{VideoId: video, Name: lastName(i + 1)}
			writes = append(writes, s.newWrite(m.StreamName, command, contract.Metadata{UserID: &owner}))
		}
	}
	if _, err := s.store("application").WriteBatch(s.t.Context(), writes...); err != nil {
		s.t.Fatal(err)
	}
}

// lease is the longest lease of an attempt to publish a video.
const lease = 2 * time.Minute

// A long transcode delays neither other videos nor other commands of its own. If its
// process is killed, another one repeats it after the lease, and the video is published
// once.
func TestFlow12_KilledWhileTranscoding(t *testing.T) {
	t.Parallel()
	s := start(t, newFolder(t), nil, "-only", "messagestore,aggregators,application,identity")
	ann, eve := s.creator("ann@example.org"), s.creator("eve@example.org")
	publisher := s.components("videopublishing")
	slow := uuid.NewString()
	publishing := s.publish(ann, slow, s.upload(ann, film(t, "a.mp4", "2560x1440", 3)))
	var ffmpeg int
	s.until("ffmpeg runs", func() bool { ffmpeg = publisher.transcoding(); return ffmpeg != 0 })
	if err := syscall.Kill(ffmpeg, syscall.SIGSTOP); err != nil { // it never ends
		t.Fatal(err)
	}

	other := s.published(eve, film(t, "b.webm", "160x120", 1))
	for video, owner := range map[string]creator{slow: ann, other: eve} {
		if code := s.outcomeOf(owner, s.name(owner, video, "Lesson")); code != "" {
			t.Errorf("the video is not named: %s", code)
		}
	}
	s.video(ann, slow, "is being published", func(v object) bool { return v.text("status") == "publishing" && v.text("name") == "Lesson" })
	if _, operation := s.get(publishing.text("operation"), ann.session...); operation["done"] != false {
		t.Errorf("the operation of its publishing: %v", operation)
	}
	if status, _ := s.get("/media/" + slow); status != http.StatusNotFound {
		t.Errorf("the video is served: %d", status)
	}

	s.components("videopublishing")
	publisher.kill()
	s.until("ffmpeg has ended with the component", func() bool { return !alive(ffmpeg) })
	if code := s.outcomeWithin(lease+waitLimit, ann, publishing); code != "" {
		t.Errorf("the video is not published: %s", code)
	}
	if got := s.history(slow); got != "PublishAttempted VideoNamed PublishAttempted VideoPublished" {
		t.Errorf("the stream of the video has %s", got)
	}
	s.video(ann, slow, "is published", func(v object) bool { return v.text("status") == "published" && v.text("name") == "Lesson" })
	s.checkWatchable(t, slow)
}

// transcoding returns the pid of the companion's ffmpeg if it has begun to write the
// MP4, else 0.
func (c *companion) transcoding() (pid int) {
	c.s.t.Helper()
	if len(c.s.files("tmp/*/video.mp4")) == 0 {
		return 0
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		c.s.t.Fatal(err)
	}
	for _, process := range processes {
		stat, err := os.ReadFile(filepath.Join(process, "stat"))
		if err != nil {
			continue // it has ended
		}
		if _, rest, _ := strings.Cut(string(stat), "(ffmpeg) "); len(rest) > 2 && strings.HasPrefix(rest[2:], fmt.Sprint(c.cmd.Process.Pid, " ")) {
			pid, err := strconv.Atoi(filepath.Base(process))
			if err != nil {
				c.s.t.Fatal(err)
			}
			return pid
		}
	}
	return 0
}
