package application

import (
	"strings"
	"testing"
)

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
