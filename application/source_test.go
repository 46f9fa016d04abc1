package application

import (
	"strings"
	"testing"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"http://example.com/a.mp4", "https://EXAMPLE.com:8443/a?b=c#d", "HTTPS://example.com", "http://1.1.1.1/", "https://[2606:4700::1111]/x",
		"http://example.com.", "http://xn--mnchen-3ya.example/", "http://1.example.com/", "http://mylocalhost.com/", "http://0x7f.example",
	} {
		if wrong := checkAddress(good, false); wrong != "" {
			t.Errorf("%s %s", good, wrong)
		}
	}
	for bad, says := range map[string]string{
		"ftp://example.com/a":       "neither upload",
		"file:///etc/passwd":        "neither upload",
		"//example.com/a":           "neither upload",
		"example.com/a":             "neither upload",
		"javascript:alert(1)":       "neither upload",
		"http://%zz/":               "neither upload",
		"http://a\nb/":              "neither upload",
		"http:///a":                 "has no host",
		"http:example.com":          "has no host",
		"http://:80/":               "has no host",
		"http://user@example.com/":  "a user or a password",
		"http://a:b@example.com/":   "a user or a password",
		"http://example.com:0/":     "is not a port",
		"http://example.com:70000/": "is not a port",
		"http://" + longHost + "/":  "at most 2048",
		"http://localhost/":         "not a public address",
		"http://LOCALHOST.:80/":     "not a public address",
		"http://a.localhost/":       "not a public address",
		"http://127.0.0.1/":         "not a public address",
		"http://10.0.0.1/":          "not a public address",
		"http://169.254.169.254/x":  "not a public address",
		"http://0.0.0.0/":           "not a public address",
		"http://[::1]/":             "not a public address",
		"http://[::]/":              "not a public address",
		"http://[fe80::1%25eth0]/":  "not a public address",
		"http://[::ffff:10.0.0.1]/": "not a public address",
		"http://2130706433/":        "not a public address",
		"http://0x7f000001/":        "not a public address",
		"http://0177.0.0.1/":        "not a public address",
		"http://127.1/":             "not a public address",
		"http://127.0.0.08/":        "not a public address",
		"http://127.0.0.0x1/":       "not a public address",
		"http://../":                "not a public address",
	} {
		if wrong := checkAddress(bad, false); !strings.Contains(wrong, says) {
			t.Errorf("%.80s: %q, want %q", bad, wrong, says)
		}
	}
	for _, private := range []string{"http://127.0.0.1:8080/a.mp4", "http://localhost/", "http://[::1]/"} {
		if wrong := checkAddress(private, true); wrong != "" {
			t.Errorf("%s %s where it is allowed", private, wrong)
		}
	}
}

var longHost = strings.Repeat("a", maxSource)
