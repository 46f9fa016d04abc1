package postgres

import (
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Limits for the tests.
const (
	DrainTimeout = drainTimeout
	StaleAfter   = staleAfter
	MaxReaders   = maxReaders
	MaxReadPages = maxReadPages
	MaxHeldBytes = maxHeldBytes
)

// Readers returns the pool of the connections for reads.
func (s *Store) Readers() *pgxpool.Pool { return s.readers }

// Held returns the bytes of the pages that are not yet delivered.
func (s *Store) Held() *atomic.Int64 { return &s.held }

// WriterPID returns the pid of the writer's backend, after the first write.
func (s *Store) WriterPID() int { return int(s.writer.session.conn.PgConn().PID()) }

// Writing reports whether a group is running.
func (s *Store) Writing() bool { return s.writer.writing() > 0 }
