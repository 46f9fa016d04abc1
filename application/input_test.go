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
	for bad, want := range map[string]string{
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
		if wrong := checkAddress(bad, false); !strings.Contains(wrong, want) {
			t.Errorf("%.80s: %q, want %q", bad, wrong, want)
		}
	}
	for _, private := range []string{"http://127.0.0.1:8080/a.mp4", "http://localhost/", "http://[::1]/"} {
		if wrong := checkAddress(private, true); wrong != "" {
			t.Errorf("%s %s where it is allowed", private, wrong)
		}
	}
}

var longHost = strings.Repeat("a", maxSource)

func TestParseEmail(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for text, want := range map[string]string{
		"ann@example.com":                        "ann@example.com",
		" Ann@Example.COM \t\n":                  "ann@example.com", // D18
		"a.b+c_d@mail.example.co.uk":             "a.b+c_d@mail.example.co.uk",
		"o'neil@x.io":                            "o'neil@x.io",
		"1@2.3":                                  "1@2.3",
		"a-@a--b.example":                        "a-@a--b.example",
		long + "a@example.com":                   long + "a@example.com",
		long + "ab@example.com":                  "",
		"a@" + long + ".example":                 "a@" + long + ".example",
		"a@" + long + "a.example":                "",
		"a@" + strings.Repeat("a.", 125) + "aa":  "a@" + strings.Repeat("a.", 125) + "aa",
		"a@" + strings.Repeat("a.", 125) + "aaa": "",
		"":                                       "",
		" ":                                      "",
		"ann":                                    "",
		"@example.com":                           "",
		"ann@":                                   "",
		"ann@localhost":                          "",
		"ann@example.com.":                       "",
		"ann@.example.com":                       "",
		"ann@example..com":                       "",
		"ann@-example.com":                       "",
		"ann@example-.com":                       "",
		".ann@example.com":                       "",
		"ann.@example.com":                       "",
		"a..n@example.com":                       "",
		"ann@bob@example.com":                    "",
		"an n@example.com":                       "",
		"ann@example.com\r\nBcc: bob@example.com":    "",
		"ann@example.com\x00":                        "",
		"Ann <ann@example.com>":                      "",
		"ann@example.com,bob@example.com":            "",
		`"an n"@example.com`:                         "",
		"ann@[127.0.0.1]":                            "",
		"änn@example.com":                            "",
		"ann@exämple.com":                            "",
		"ann@example.com" + strings.Repeat(" ", 500): "ann@example.com",
	} {
		if got, ok := parseEmail(text); ok != (want != "") || ok && got != want {
			t.Errorf("parseEmail(%.80q) = %q, %t, want %q", text, got, ok, want)
		}
	}
}

// A normalised address is an address, and its own normal form.
func FuzzParseEmail(f *testing.F) {
	f.Add(" Ann@Example.com")
	f.Add("a@b@c.d")
	f.Fuzz(func(t *testing.T, text string) {
		email, ok := parseEmail(text)
		if !ok {
			return
		}
		if again, ok := parseEmail(email); !ok || again != email {
			t.Errorf("%q becomes %q, which becomes %q, %t", text, email, again, ok)
		}
		if strings.Count(email, "@") != 1 || strings.ContainsAny(email, " \r\n\x00<>,;") || len(email) > maxAddress {
			t.Errorf("%q is accepted", email)
		}
	})
}
