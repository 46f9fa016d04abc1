package videopublishing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// headSize is how much of a file tells what it is.
const headSize = 64 << 10

// sniff returns what the file is by its first bytes: less than ffprobe knows, but
// enough to tell a video from what is none, and to serve it.
//
//	MP4, QuickTime   ftyp, and a moov that has a track of video
//	WebM, Matroska   EBML, and a codec of video
//	AVI              RIFF, and a stream of video
//	MPEG-TS          five packets, each with its mark
//	MPEG             a pack, and a packet of video
//	Ogg              a stream of Theora
//	FLV              the flag that it has video
//	ASF, WMV         a stream of video
func sniff(path string) (content, error) {
	file, err := os.Open(path)
	if err != nil {
		return content{}, err
	}
	defer file.Close() //nolint:errcheck // it is only read
	head := make([]byte, headSize)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return content{}, err
	}
	head = head[:n]
	contentType := typeOf(head)
	if contentType == "" {
		if contentType, err = typeOfMP4(file, head); err != nil {
			return content{}, err
		}
	}
	if contentType == "" {
		return content{}, refuse(notAVideo, nil, "the file is not a video of a format that is known")
	}
	return content{contentType: contentType}, nil
}

var (
	ebml     = []byte{0x1a, 0x45, 0xdf, 0xa3}
	webmType = []byte("\x42\x82\x84webm")

	asf      = []byte{0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11}
	asfVideo = []byte{0xc0, 0xef, 0x19, 0xbc, 0x4d, 0x5b, 0xcf, 0x11, 0xa8, 0xfd, 0x00, 0x80, 0x5f, 0x5c, 0x44, 0x2b}

	mpegPack  = []byte{0, 0, 1, 0xba}
	mpegVideo = []byte{0, 0, 1, 0xe0}
	theora    = []byte("\x80theora")
)

// typeOf returns the type of what begins so, or "".
func typeOf(head []byte) string {
	has := func(prefix []byte, part []byte) bool {
		return bytes.HasPrefix(head, prefix) && bytes.Contains(head, part)
	}
	switch {
	case bytes.HasPrefix(head, ebml) && matroskaVideo(head):
		if bytes.Contains(head, webmType) {
			return "video/webm"
		}
		return formats["matroska"]
	case has([]byte("RIFF"), []byte("vids")) && bytes.HasPrefix(head[8:], []byte("AVI ")):
		return formats["avi"]
	case has([]byte("OggS"), theora):
		return formats["ogg"]
	case len(head) > 4 && bytes.HasPrefix(head, []byte("FLV\x01")) && head[4]&1 == 1:
		return formats["flv"]
	case has(asf, asfVideo):
		return formats["asf"]
	case has(mpegPack, mpegVideo):
		return formats["mpeg"]
	case transportStream(head):
		return formats["mpegts"]
	}
	return ""
}

// matroskaVideo reports whether there is the name of a codec of video, with what
// stands before it: the element's id and the size.
func matroskaVideo(head []byte) bool {
	for at := range head {
		if at >= 2 && bytes.HasPrefix(head[at:], []byte("V_")) && head[at-2] == 0x86 && head[at-1] >= 0x80 {
			return true
		}
	}
	return false
}

const (
	packetSize = 188
	packetMark = 0x47
)

func transportStream(head []byte) bool {
	const packets = 5
	if len(head) < packets*packetSize {
		return false
	}
	for i := range packets {
		if head[i*packetSize] != packetMark {
			return false
		}
	}
	return true
}

// typeOfMP4 walks over the boxes of the file to the one that says what is in it,
// and returns "" if there is no video, or no such box.
func typeOfMP4(file io.ReaderAt, head []byte) (string, error) {
	if len(head) < 12 || string(head[4:8]) != "ftyp" {
		return "", nil
	}
	contentType := formats["mov"]
	if string(head[8:12]) == "qt  " {
		contentType = "video/quicktime"
	}
	const most = 10_000 // boxes: a file can be nothing else
	at := int64(0)
	for range most {
		size, body, kind, err := box(file, at)
		if err != nil || size < body {
			return "", ignoreEnd(err)
		}
		if kind == "moov" {
			const large = 16 << 20
			moov := make([]byte, min(size, large))
			n, err := file.ReadAt(moov, at)
			if !bytes.Contains(moov[:n], []byte("vide")) {
				contentType = ""
			}
			return contentType, ignoreEnd(err)
		}
		at += size
	}
	return "", nil
}

// box returns the size of the box at the place, where its body begins, and its
// type. The size of one that goes to the end of the file is more than any.
func box(file io.ReaderAt, at int64) (size, body int64, kind string, err error) {
	var header [16]byte
	if n, err := file.ReadAt(header[:], at); n < 8 {
		return 0, 0, "", err
	}
	size, body = int64(binary.BigEndian.Uint32(header[:4])), 8
	switch size {
	case 0:
		size = 1 << 62
	case 1:
		size, body = int64(binary.BigEndian.Uint64(header[8:])&(1<<62-1)), 16 //nolint:gosec // 62 bits
	}
	return size, body, string(header[4:8]), nil
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
