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

// film creates a video with a tone. ffmpeg chooses the codecs by the extension of the
// name.
func film(t *testing.T, name, size string, seconds int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-loglevel", "error",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%s:rate=25:duration=%d", size, seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:duration=%d", seconds),
		"-pix_fmt", "yuv420p", "-preset", "ultrafast", "-deadline", "realtime", path)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", name, err, output)
	}
	return path
}

// A creator is a user with a session.
type creator struct {
	id      string
	session []string
}

// creator registers a creator.
func (s *system) creator(email string) creator {
	s.t.Helper()
	id := s.register(email).text("userId")
	return creator{id, s.logIn(email, password)}
}

// upload uploads a file and returns its source URI.
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

// sendVideoCommand posts a command for a video of the creator and returns the answer.
func (s *system) sendVideoCommand(c creator, path string, command object) object {
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

// publish sends the command PublishVideo.
func (s *system) publish(c creator, video, source string) object {
	s.t.Helper()
	return s.sendVideoCommand(c, "", object{"videoId": video, "sourceUri": source})
}

// name sends the command NameVideo.
func (s *system) name(c creator, video, name string) object {
	s.t.Helper()
	return s.sendVideoCommand(c, "/"+video+":name", object{"name": name})
}

// outcomeOf waits for the outcome of a command and returns its code, or "" after
// success.
func (s *system) outcomeOf(c creator, answer object) (code string) {
	s.t.Helper()
	return s.outcomeWithin(waitLimit, c, answer)
}

// outcomeWithin is outcomeOf with another limit.
func (s *system) outcomeWithin(limit time.Duration, c creator, answer object) (code string) {
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
		s.t.Errorf("%v has no message", operation)
	}
	return operation.object("error").text("code")
}

// published uploads a file, publishes it, and returns the video.
func (s *system) published(c creator, path string) (video string) {
	s.t.Helper()
	video = uuid.NewString()
	if code := s.outcomeOf(c, s.publish(c, video, s.upload(c, path))); code != "" {
		s.t.Fatalf("publish %s: %s", path, code)
	}
	return video
}

// video waits until the creator's video fulfils the condition, alone and in the list.
func (s *system) video(c creator, id, what string, so func(video object) bool) {
	s.t.Helper()
	s.until("a video "+what, func() bool {
		status, video := s.get("/v1/me/videos/"+id, c.session...)
		return status == http.StatusOK && so(video) && slices.ContainsFunc(s.all("/v1/me/videos", "videos", c.session), func(v object) bool {
			return reflect.DeepEqual(v, video)
		})
	})
}

// history returns the types of the messages of a video, without renewed attempts.
func (s *system) history(video string) string {
	s.t.Helper()
	return types(s.read(`stream_name = $1 and not (type = 'PublishAttempted' and exists (
		select from message_store.messages earlier
		where earlier.stream_name = messages.stream_name and earlier.type = 'PublishAttempted'
			and earlier.position < messages.position and earlier.data->'attempt' = messages.data->'attempt'
			and earlier.metadata->'causationMessageId' = messages.metadata->'causationMessageId'))`,
		"videoPublishing-"+video))
}

// onHome returns the video on the home page, or nil.
func (s *system) onHome(video string) object {
	s.t.Helper()
	for _, v := range s.all("/v1/home", "videos", nil) {
		if v.text("videoId") == video {
			return v
		}
	}
	return nil
}

// files returns the paths that match the pattern in the folder of videos.
func (s *system) files(pattern string) []string {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.data.media(), pattern))
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// store returns the message store, called with the certificate of that name.
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

// checkWatchable checks that the video is served with ranges, and that ffprobe reads it
// over HTTP to its end.
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
		t.Errorf("%s begins with %q, has its index at %d and its content at %d: want an MP4 with the index first", url, whole[:12], index, content)
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
	output, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_frames",
		"-show_entries", "stream=codec_name,nb_read_frames:format=duration", "-of", "json", url).CombinedOutput()
	var found struct {
		Streams []struct {
			Codec  string `json:"codec_name"`
			Frames int    `json:"nb_read_frames,string"`
		}
		Format struct{ Duration string }
	}
	if err == nil {
		err = json.Unmarshal(output, &found)
	}
	if err != nil || len(found.Streams) != 2 || found.Streams[0].Codec != "h264" || found.Streams[1].Codec != "aac" {
		t.Fatalf("ffprobe: %v\n%s", err, output)
	}
	if length, err := time.ParseDuration(found.Format.Duration + "s"); err != nil || length < time.Second || found.Streams[0].Frames < 10 {
		t.Errorf("ffprobe reads %v of %v, want at least a second and 10 frames", found, length)
	}
}
