package application

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"videotutorials/messagestore"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for password, good := range map[string]bool{
		"":                      false,
		"1234567":               false,
		"12345678":              true,
		"üüüüüüü":               false, // 14 bytes, 7 characters
		"üüüüüüüü":              true,
		"        ":              true,
		strings.Repeat("a", 72): true,
		strings.Repeat("a", 73): false,
		strings.Repeat("ü", 36): true,
		strings.Repeat("ü", 37): false,
	} {
		if wrong := checkPassword(password); (wrong == "") != good {
			t.Errorf("%q: %q", password, wrong)
		}
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	p, err := newPasswords(passwordCost)
	if err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("a", maxPassword)
	hash, err := p.hash(t.Context(), longest)
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{hash, p.nobodys} {
		if cost, err := bcrypt.Cost([]byte(hash)); err != nil || cost != 10 {
			t.Errorf("cost is %d, %v", cost, err)
		}
	}
	for password, want := range map[string]bool{longest: true, longest[1:]: false, longest + "a": false, "": false} {
		if got, err := p.match(t.Context(), hash, password); err != nil || got != want {
			t.Errorf("match of %d bytes is %t, %v", len(password), got, err)
		}
	}
	if _, err := p.match(t.Context(), "no hash", longest); err == nil {
		t.Error("what is no hash matches, or not")
	}
}

func TestPasswords_Bounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := newPasswords(bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		for range cap(p.slots) {
			if err := p.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var exhausted *messagestore.ExhaustedError
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.hash(canceled, "12345678"); !errors.Is(err, context.Canceled) {
			t.Errorf("who waits no longer gets %v", err)
		}
		begun := time.Now()
		if _, err := p.hash(t.Context(), "12345678"); !errors.As(err, &exhausted) || time.Since(begun) >= callTimeout {
			t.Errorf("who waits too long gets %v after %v", err, time.Since(begun))
		}
		most := int64(waitingPerCore * cap(p.slots))
		p.waiting.Add(most)
		begun = time.Now()
		if _, err := p.hash(t.Context(), "12345678"); !errors.As(err, &exhausted) || exhausted.RetryAfter <= 0 || time.Since(begun) > 0 {
			t.Errorf("one too many gets %v after %v", err, time.Since(begun))
		}
		p.waiting.Add(-most)
		p.leave()
		if _, err := p.hash(t.Context(), "12345678"); err != nil {
			t.Errorf("with a free core: %v", err)
		}
		if left := p.waiting.Load(); left != 0 {
			t.Errorf("%d are left waiting", left)
		}
	})
}
