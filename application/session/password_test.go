package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"videotutorials/application/call"
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
		if wrong := CheckPassword(password); (wrong == "") != good {
			t.Errorf("%q: %q", password, wrong)
		}
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	p, err := NewPasswords(PasswordCost)
	if err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("a", maxPassword)
	hash, err := p.Hash(t.Context(), longest)
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{hash, p.unknown} {
		if cost, err := bcrypt.Cost([]byte(hash)); err != nil || cost != 10 {
			t.Errorf("cost is %d, %v; want 10", cost, err)
		}
	}
	for password, want := range map[string]bool{longest: true, longest[1:]: false, longest + "a": false, "": false} {
		if got, err := p.Match(t.Context(), hash, password); err != nil || got != want {
			t.Errorf("match of %d bytes is %t, %v; want %t", len(password), got, err, want)
		}
	}
	if _, err := p.Match(t.Context(), "no hash", longest); err == nil {
		t.Error("a match with a malformed hash has no error")
	}
}

func TestPasswords_Bounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := NewPasswords(bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		for range p.cores.Total {
			if err := p.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		hash := func(ctx context.Context) (took time.Duration, err error) {
			begun := time.Now()
			_, err = p.Hash(ctx, "12345678")
			return time.Since(begun), err
		}
		var exhausted *messagestore.ExhaustedError
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := hash(canceled); !errors.Is(err, context.Canceled) {
			t.Errorf("a canceled call gets %v", err)
		}
		if took, err := hash(t.Context()); !errors.As(err, &exhausted) || took >= call.Timeout {
			t.Errorf("a call that waits too long gets %v after %v", err, took)
		}
		waiting, stop := context.WithCancel(t.Context())
		for range p.cores.MaxWaiting {
			go func() { _, _ = hash(waiting) }()
		}
		synctest.Wait()
		if took, err := hash(t.Context()); !errors.As(err, &exhausted) || exhausted.RetryAfter <= 0 || took > 0 {
			t.Errorf("one call too many gets %v after %v", err, took)
		}
		stop()
		synctest.Wait()
		p.cores.Release("")
		if _, err := hash(t.Context()); err != nil {
			t.Errorf("with a free core: %v", err)
		}
		if left := p.cores.Waiting(); left != 0 {
			t.Errorf("%d calls are left waiting", left)
		}
	})
}
