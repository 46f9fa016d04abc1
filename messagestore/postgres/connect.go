package postgres

import (
	"context"
	"errors"
	"maps"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectTimeout bounds one attempt to connect.
	connectTimeout = 5 * time.Second
	// lockTimeout is a second guard behind the watchdog, which acts earlier.
	lockTimeout = "15s"
	// maxReaders bounds the connections for reads. Pages of subscriptions and pages
	// of Reads have separate limits, which leave one connection for short queries.
	maxReaders           = 8
	maxSubscriptionPages = 4
	maxReadPages         = 3
)

// runtimeParams apply to every connection of the server. All its queries use an
// index, but without statistics, or with those of a small table, the planner would
// scan. The plans never change, and planning takes longer than execution.
var runtimeParams = map[string]string{
	"plan_cache_mode":               "force_generic_plan",
	"application_name":              "messagestore",
	"random_page_cost":              "0", // prefers the index with the fewest entries
	"seq_page_cost":                 "0",
	"enable_seqscan":                "off",
	"enable_bitmapscan":             "off",
	"enable_sort":                   "off", // indexes are merged instead
	"jit":                           "off",
	"timezone":                      "UTC",
	"tcp_keepalives_idle":           "5",
	"tcp_keepalives_interval":       "1",
	"tcp_keepalives_count":          "5",
	"tcp_user_timeout":              "10000",
	"lock_timeout":                  lockTimeout,
	"default_transaction_isolation": "read committed",
}

// readersConfig returns the configuration of the connections for reads. As every
// connection but the watchdog's, they have the role of the server, which may only
// select and insert messages.
func readersConfig(url string) (*pgxpool.Config, error) {
	pool, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	pool.MaxConns = maxReaders
	config := pool.ConnConfig
	maps.Copy(config.RuntimeParams, runtimeParams)
	config.RuntimeParams["role"] = "messagestore_server"
	config.ConnectTimeout = connectTimeout
	dialer := &net.Dialer{
		Timeout: connectTimeout,
		// Detects a dead peer while the server waits for its answer.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: time.Second, Count: 5},
		Control:         setUserTimeout,
	}
	config.DialFunc = dialer.DialContext
	return pool, nil
}

// withoutRole returns a copy of config that connects as the user of the URL.
func withoutRole(config *pgx.ConnConfig) *pgx.ConnConfig {
	config = config.Copy()
	delete(config.RuntimeParams, "role")
	return config
}

type connectKey struct{}

// withoutCancel returns a copy of config that dials only in a context with
// connectKey. pgx also dials to cancel the statement of a broken connection, which
// would make a commit visible that still waits for a synchronous standby.
func withoutCancel(config *pgx.ConnConfig) *pgx.ConnConfig {
	config = config.Copy()
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if ctx.Value(connectKey{}) == nil {
			return nil, errors.New("writes are not cancelled")
		}
		return dial(ctx, network, addr)
	}
	return config
}

// A session is a connection that is opened on first use, and again after close.
type session struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn
}

func (s *session) connect(ctx context.Context) (*pgx.Conn, error) {
	if s.conn == nil {
		conn, err := pgx.ConnectConfig(context.WithValue(ctx, connectKey{}, true), s.config)
		if err != nil {
			return nil, err
		}
		s.conn = conn
	}
	return s.conn, nil
}

// close closes the connection within a second.
func (s *session) close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // its results are not needed any more
	s.conn = nil
}
