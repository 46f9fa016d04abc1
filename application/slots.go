package application

import "sync"

// slots bounds how much is done at a time, by each user and in all.
type slots struct {
	each, all int

	mu    sync.Mutex
	users map[string]int
	taken int
}

func newSlots(each, all int) *slots {
	return &slots{each: each, all: all, users: map[string]int{}}
}

// take takes a slot, and returns how many the user now has; 0: there is none
// free. Whoever has taken one leaves it.
func (s *slots) take(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == s.all || s.users[user] == s.each {
		return 0
	}
	s.taken++
	s.users[user]++
	return s.users[user]
}

func (s *slots) leave(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.users[user]--; s.users[user] == 0 {
		delete(s.users, user)
	}
}
