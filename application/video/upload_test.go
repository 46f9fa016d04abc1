package video

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"videotutorials/application/call"
	"videotutorials/internal/media"
)

func TestServer_CheckStored(t *testing.T) {
	t.Parallel()
	folder, err := media.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close() //nolint:errcheck // only read
	s := &Server{Config: Config{Limits: NewLimits(100), Media: folder}}
	for _, c := range []struct {
		running int
		size    int64
		ok      bool
	}{{1, 100, true}, {1, -1, true}, {10, 100, true}, {11, 1, false}, {10, 101, false}, {101, 0, false}} {
		if err := s.checkStored(uuid.New(), c.running, c.size); (err == nil) != c.ok {
			t.Errorf("%d running uploads, %d bytes: %v", c.running, c.size, err)
		}
	}
}

// A full disk is an answer that hides the path.
func TestDiskError(t *testing.T) {
	t.Parallel()
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, media.ErrNoSpace} {
		err := diskError(&os.PathError{Op: "write", Path: "x", Err: full})
		if s := status.Convert(call.Translate(&call.Request{}, err)); s.Code() != codes.ResourceExhausted || strings.Contains(s.Message(), "write x") {
			t.Errorf("%v becomes %v", full, s)
		}
	}
	if s := status.Convert(call.Translate(&call.Request{}, diskError(os.ErrPermission))); s.Code() != codes.Internal {
		t.Errorf("a missing permission becomes %v", s)
	}
}
