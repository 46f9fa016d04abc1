package videopublishing

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"videotutorials/components"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
)

const (
	maxName        = 200 // characters
	maxDescription = 5000
	maxQuote       = 40 // characters of a text that a reason repeats
)

// The codes of rejections.
const (
	blank        = "BLANK"
	tooLong      = "TOO_LONG"
	unchanged    = "UNCHANGED"
	notOwner     = "NOT_OWNER"
	unknownVideo = "UNKNOWN_VIDEO"
)

// rename changes the name of the video. Leading and trailing space is removed.
func (v video) rename(m *videopublishingv1.NameVideo, c components.Cause) []components.Emit {
	name := strings.TrimSpace(m.GetName())
	code, reason := v.rejection(m.GetVideoId(), c)
	switch {
	case code != "":
	case !strings.ContainsFunc(name, visible):
		code, reason = blank, fmt.Sprintf("the name %q is blank: it must have 1 to %d characters", quote(m.GetName()), maxName)
	default:
		code, reason = compare("name", name, v.name, maxName)
	}
	if code != "" {
		return []components.Emit{components.Event(&videopublishingv1.VideoNameRejected{
			Name: shorten(m.GetName(), maxName), Code: code, Reason: reason,
		})}
	}
	return []components.Emit{components.Event(&videopublishingv1.VideoNamed{Name: name})}
}

// describe changes the description of the video. A blank description removes it.
func (v video) describe(m *videopublishingv1.DescribeVideo, c components.Cause) []components.Emit {
	description := strings.TrimSpace(m.GetDescription())
	code, reason := v.rejection(m.GetVideoId(), c)
	if code == "" {
		code, reason = compare("description", description, v.description, maxDescription)
	}
	if code != "" {
		return []components.Emit{components.Event(&videopublishingv1.VideoDescriptionRejected{
			Description: shorten(m.GetDescription(), maxDescription), Code: code, Reason: reason,
		})}
	}
	return []components.Emit{components.Event(&videopublishingv1.VideoDescribed{Description: description})}
}

// rejection returns the reason why the author of a command may not change the video, or "".
func (v video) rejection(id string, c components.Cause) (code, reason string) {
	switch by := c.Metadata.UserID; {
	case v.owner == "":
		return unknownVideo, fmt.Sprintf("there is no video %s", id)
	case by == nil || *by != v.owner:
		return notOwner, fmt.Sprintf("the video %s is not yours", id)
	}
	return "", ""
}

// compare returns the reason why the text cannot replace the current one, or "".
func compare(what, text, current string, most int) (code, reason string) {
	switch n := utf8.RuneCountInString(text); {
	case n > most:
		return tooLong, fmt.Sprintf("the %s %q has %d characters: it may have %d", what, quote(text), n, most)
	case text == current:
		return unchanged, fmt.Sprintf("the %s is %q already", what, quote(text))
	}
	return "", ""
}

func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }

func quote(text string) string { return shorten(text, maxQuote) }

// shorten cuts the text off after the given number of characters. A rejected text must not make its
// event too large to store.
func shorten(text string, most int) string {
	if characters := []rune(text); len(characters) > most {
		return string(characters[:most]) + "…"
	}
	return text
}
