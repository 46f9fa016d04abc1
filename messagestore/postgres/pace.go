package postgres

import "time"

const (
	// busy is how many messages a second make a log a busy one, counted over a span
	// that is not filled by a few messages that come together by chance, nor by what
	// was held up for tens of milliseconds: to be taken for busy makes a view 50 ms
	// late.
	busy     = 1000
	busySpan = 100 * time.Millisecond
)

// A pace is how fast messages come.
type pace struct {
	since   time.Duration // of the count
	counted int
	fast    bool // before
}

// busy counts messages that came now, and reports whether so many make the log a
// busy one. The time is that of any clock.
func (p *pace) busy(now time.Duration, messages int) bool {
	p.counted += messages
	if span := now - p.since; span >= busySpan {
		p.fast = time.Duration(p.counted)*time.Second/busy > span
		p.since, p.counted = now, 0
	}
	return p.fast
}
