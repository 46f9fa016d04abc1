package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"videotutorials/messagestore/rpc"
)

// film makes a video with a tone, of so many seconds: its codecs are those that
// ffmpeg has for the file's name, as a.mp4 or a.webm.
func film(t *testing.T, name, size string, seconds int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-loglevel", "error",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%s:rate=25:duration=%d", size, seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:duration=%d", seconds),
		"-pix_fmt", "yuv420p", "-preset", "ultrafast", "-deadline", "realtime", path)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", name, err, said)
	}
	return path
}

// A creator is a user who has logged in.
type creator struct {
	id      string
	session []string
}

// creator registers one.
func (s *system) creator(email string) creator {
	s.t.Helper()
	id := s.register(email).text("userId")
	return creator{id, s.logIn(email, password)}
}

// upload sends a file, and returns what it is called as a source.
func (s *system) upload(c creator, path string) (source string) {
	s.t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	header := append([]string{"Content-Type", "video/mp4"}, c.session...)
	status, answer := s.send(http.MethodPost, s.url+"/v1/me/uploads", string(content), header...)
	if status != http.StatusCreated {
		s.t.Fatalf("upload %s: %d %s", path, status, answer)
	}
	return fields(answer).text("sourceUri")
}

// tellVideos gives a command to the creator's videos and returns the answer: the
// trace, and where the outcome is.
func (s *system) tellVideos(c creator, path string, command object) object {
	s.t.Helper()
	body, err := json.Marshal(command)
	if err != nil {
		s.t.Fatal(err)
	}
	status, answer := s.post("/v1/me/videos"+path, string(body), c.session...)
	if want := "/v1/me/operations/" + answer.text("traceId"); status != http.StatusAccepted || answer.text("operation") != want {
		s.t.Fatalf("%s of %v: %d %v, want 202 and %s", path, command, status, answer, want)
	}
	return answer
}

// publish asks that the video be published.
func (s *system) publish(c creator, video, source string) object {
	s.t.Helper()
	return s.tellVideos(c, "", object{"videoId": video, "sourceUri": source})
}

// name asks that the video have that name.
func (s *system) name(c creator, video, name string) object {
	s.t.Helper()
	return s.tellVideos(c, "/"+video+":name", object{"name": name})
}

// concluded waits for the outcome of a command, and returns its code: "" where all
// is well.
func (s *system) concluded(c creator, answer object) (code string) {
	s.t.Helper()
	return s.concludedWithin(patient, c, answer)
}

// concludedWithin is concluded for what takes its time.
func (s *system) concludedWithin(limit time.Duration, c creator, answer object) (code string) {
	s.t.Helper()
	var operation object
	s.within(limit, answer.text("operation")+" is done", func() bool {
		_, operation = s.get(answer.text("operation")+"?wait=10s", c.session...)
		return operation["done"] == true
	})
	if operation["error"] == nil {
		return ""
	}
	if operation.object("error").text("message") == "" {
		s.t.Errorf("nobody can read %v", operation)
	}
	return operation.object("error").text("code")
}

// published uploads a file, and returns the video that is published of it.
func (s *system) published(c creator, path string) (video string) {
	s.t.Helper()
	video = uuid.NewString()
	if code := s.concluded(c, s.publish(c, video, s.upload(c, path))); code != "" {
		s.t.Fatalf("publish %s: %s", path, code)
	}
	return video
}

// video waits until the creator sees a video that is so, by itself and in the list.
func (s *system) video(c creator, id, what string, so func(video object) bool) {
	s.t.Helper()
	s.until("a video "+what, func() bool {
		status, video := s.get("/v1/me/videos/"+id, c.session...)
		return status == http.StatusOK && so(video) && slices.ContainsFunc(s.all("/v1/me/videos", "videos", c.session), func(v object) bool {
			return reflect.DeepEqual(v, video)
		})
	})
}

// story returns the types of a video's messages, without the attempts that go on.
func (s *system) story(video string) string {
	s.t.Helper()
	return types(s.read(`stream_name = $1 and not (type = 'PublishAttempted' and exists (
		select from message_store.messages earlier
		where earlier.stream_name = messages.stream_name and earlier.type = 'PublishAttempted'
			and earlier.position < messages.position and earlier.data->'attempt' = messages.data->'attempt'
			and earlier.metadata->'causationMessageId' = messages.metadata->'causationMessageId'))`,
		"videoPublishing-"+video))
}

// onHome returns what the home page shows of a video, nil if it does not.
func (s *system) onHome(video string) object {
	s.t.Helper()
	for _, v := range s.all("/v1/home", "videos", nil) {
		if v.text("videoId") == video {
			return v
		}
	}
	return nil
}

// files returns the names of what is at a pattern in the folder of videos.
func (s *system) files(pattern string) []string {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.data.media(), pattern))
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// store returns the message store as it is to the holder of a certificate.
func (s *system) store(name string) *rpc.Client {
	s.t.Helper()
	state, err := readState(s.data)
	if err != nil {
		s.t.Fatal(err)
	}
	store, err := state.store(s.data, name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = store.Close() })
	return store
}

// checkWatchable has a player look at the video, over the network, to its end.
func (s *system) checkWatchable(t *testing.T, video string) {
	t.Helper()
	url := s.url + "/media/" + video
	var whole []byte
	s.until("the video is served", func() bool {
		var status int
		status, whole = s.ask(http.MethodGet, url)
		return status == http.StatusOK
	})
	if index, content := bytes.Index(whole, []byte("moov")), bytes.Index(whole, []byte("mdat")); string(whole[4:8]) != "ftyp" || index < 0 || index > content {
		t.Errorf("%s begins with %q, has its index at %d and its content at %d: want an MP4 that plays while it comes", url, whole[:12], index, content)
	}
	size, half := len(whole), len(whole)/2
	for wanted, part := range map[string][2]int{
		"bytes=0-99":                      {0, 100},
		fmt.Sprintf("bytes=%d-", half):    {half, size},
		"bytes=-50":                       {size - 50, size},
		fmt.Sprintf("bytes=1-%d", 2*size): {1, size},
	} {
		status, body, header := s.exchange(http.MethodGet, url, "", "Range", wanted)
		want := fmt.Sprintf("bytes %d-%d/%d", part[0], part[1]-1, size)
		if status != http.StatusPartialContent || header.Get("Content-Range") != want || header.Get("Content-Type") != "video/mp4" || !bytes.Equal(body, whole[part[0]:part[1]]) {
			t.Errorf("%s: %d, %v, %d bytes, want %s", wanted, status, header, len(body), want)
		}
	}
	if status, _ := s.ask(http.MethodGet, url, "Range", fmt.Sprintf("bytes=%d-", size)); status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond the end: %d, want 416", status)
	}
	said, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_frames",
		"-show_entries", "stream=codec_name,nb_read_frames:format=duration", "-of", "json", url).CombinedOutput()
	var found struct {
		Streams []struct {
			Codec  string `json:"codec_name"`
			Frames int    `json:"nb_read_frames,string"`
		}
		Format struct{ Duration string }
	}
	if err == nil {
		err = json.Unmarshal(said, &found)
	}
	if err != nil || len(found.Streams) != 2 || found.Streams[0].Codec != "h264" || found.Streams[1].Codec != "aac" {
		t.Fatalf("a player sees %v\n%s", err, said)
	}
	if length, err := time.ParseDuration(found.Format.Duration + "s"); err != nil || length < time.Second || found.Streams[0].Frames < 10 {
		t.Errorf("a player sees %v of %v, want a second with 10 pictures at least", found, length)
	}
}
