package postgres

import (
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The bounds that tests come to.
const (
	DrainFor     = drainFor
	StaleAfter   = staleAfter
	MaxReaders   = maxReaders
	MaxReadPages = maxReadPages
	MaxHeldBytes = maxHeldBytes
)

// Readers returns the connections that serve reads.
func (s *Store) Readers() *pgxpool.Pool { return s.readers }

// Held returns how many bytes are in pages that were not yet taken.
func (s *Store) Held() *atomic.Int64 { return &s.held }

// WriterPID returns the process of Postgres that serves the writer, once a write was
// answered.
func (s *Store) WriterPID() int { return int(s.writer.conn.PgConn().PID()) }

// Writing reports whether a group is on its way.
func (s *Store) Writing() bool { return s.writer.stuck() > 0 }
