package videopublishing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// sniff recognizes a video by its first bytes. That is less reliable than ffprobe, but it
// distinguishes videos from other files well enough to serve them. Libraries that detect
// media types do not check whether a container has a video stream.
//
//	MP4, QuickTime   ftyp, and a moov with a video track
//	WebM, Matroska   EBML, and a video codec
//	AVI              RIFF, and a video stream
//	MPEG-TS          five packets, each with its sync byte
//	MPEG             a pack header, and a video packet
//	Ogg              a Theora stream
//	FLV              the flag for video
//	ASF, WMV         a video stream
func sniff(path string) (content, error) {
	file, err := os.Open(path)
	if err != nil {
		return content{}, err
	}
	defer file.Close() //nolint:errcheck // it is only read
	head := make([]byte, 64<<10)
	n, err := file.ReadAt(head, 0)
	if err = ignoreEOF(err); err != nil {
		return content{}, err
	}
	contentType := sniffHead(head[:n])
	if contentType == "" {
		if contentType, err = sniffMP4(file, head[:n]); err != nil {
			return content{}, err
		}
	}
	if contentType == "" {
		return content{}, reject(notAVideo, nil, "the file is not a video of a format that is known")
	}
	return content{contentType: contentType}, nil
}

var (
	asfHeader = []byte{0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11}
	asfVideo  = []byte{0xc0, 0xef, 0x19, 0xbc, 0x4d, 0x5b, 0xcf, 0x11, 0xa8, 0xfd, 0x00, 0x80, 0x5f, 0x5c, 0x44, 0x2b}
)

// sniffHead returns the media type of a video that starts with head, or "".
func sniffHead(head []byte) string {
	has := func(prefix, part string) bool {
		return bytes.HasPrefix(head, []byte(prefix)) && bytes.Contains(head, []byte(part))
	}
	switch {
	case has("\x1a\x45\xdf\xa3", "V_") && matroskaVideo(head):
		if bytes.Contains(head, []byte("\x42\x82\x84webm")) {
			return "video/webm"
		}
		return formats["matroska"]
	case has("RIFF", "vids") && bytes.HasPrefix(head[8:], []byte("AVI ")):
		return formats["avi"]
	case has("OggS", "\x80theora"):
		return formats["ogg"]
	case len(head) > 4 && has("FLV\x01", "") && head[4]&1 == 1:
		return formats["flv"]
	case has(string(asfHeader), string(asfVideo)):
		return formats["asf"]
	case has("\x00\x00\x01\xba", "\x00\x00\x01\xe0"):
		return formats["mpeg"]
	case transportStream(head):
		return formats["mpegts"]
	}
	return ""
}

// matroskaVideo reports whether head contains the id, the size and the start of a
// CodecID element of a video codec.
func matroskaVideo(head []byte) bool {
	for at := range head {
		if at >= 2 && bytes.HasPrefix(head[at:], []byte("V_")) && head[at-2] == 0x86 && head[at-1] >= 0x80 {
			return true
		}
	}
	return false
}

func transportStream(head []byte) bool {
	const packets, packetSize, syncByte = 5, 188, 0x47
	for i := range packets {
		if at := i * packetSize; at >= len(head) || head[at] != syncByte {
			return false
		}
	}
	return len(head) >= packets*packetSize
}

// sniffMP4 searches the boxes of the file for the moov box. It returns "" if there is none,
// or if it has no video track.
func sniffMP4(file io.ReaderAt, head []byte) (string, error) {
	if len(head) < 12 || string(head[4:8]) != "ftyp" {
		return "", nil
	}
	contentType := formats["mov"]
	if string(head[8:12]) == "qt  " {
		contentType = "video/quicktime"
	}
	const maxBoxes, maxMoov = 10_000, 16 << 20 // a file may consist of empty boxes
	at := int64(0)
	for range maxBoxes {
		size, kind, err := readBox(file, at)
		if err != nil || size == 0 {
			return "", ignoreEOF(err)
		}
		if kind == "moov" {
			moov := make([]byte, min(size, maxMoov))
			n, err := file.ReadAt(moov, at)
			if !bytes.Contains(moov[:n], []byte("vide")) {
				contentType = ""
			}
			return contentType, ignoreEOF(err)
		}
		at += size
	}
	return "", nil
}

// readBox returns the size and the type of the box at the position, with size 0 if it is
// invalid. The size of a box that ends with the file is larger than any file.
func readBox(file io.ReaderAt, at int64) (size int64, kind string, err error) {
	var header [16]byte
	if n, err := file.ReadAt(header[:], at); n < 8 {
		return 0, "", err
	}
	size, minSize := int64(binary.BigEndian.Uint32(header[:4])), int64(8)
	switch size {
	case 0:
		size = 1 << 62
	case 1:
		size, minSize = int64(binary.BigEndian.Uint64(header[8:])&(1<<62-1)), 16 //nolint:gosec // 62 bits
	}
	if size < minSize {
		size = 0
	}
	return size, string(header[4:8]), nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
