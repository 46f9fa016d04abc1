package adminmessages

import (
	"encoding/json"
	"strings"
)

const (
	// secret is the key that is redacted, wherever in an object it is.
	secret   = "passwordHash"
	redacted = "***"
)

// redact returns the JSON with `***` for the value of each secret key.
func redact(text string) string {
	// Postgres prints the key as it is, without escapes: few messages have it.
	if !strings.Contains(text, `"`+secret+`"`) {
		return text
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return `"` + redacted + `"` // cannot be read, so must not be shown
	}
	clean, err := json.Marshal(redactValue(value))
	if err != nil {
		return `"` + redacted + `"`
	}
	return string(clean)
}

func redactValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			if key == secret {
				v[key] = redacted
			} else {
				v[key] = redactValue(v[key])
			}
		}
	case []any:
		for i := range v {
			v[i] = redactValue(v[i])
		}
	}
	return value
}
