package postgres

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// connectTimeout bounds one try to connect.
	connectTimeout = 5 * time.Second
	// lockTimeout is a second guard beside the watchdog, which is to be faster.
	lockTimeout = "15s"
	// maxReaders bounds the connections that serve reads. Some read pages of
	// subscriptions, some those of Reads, and one at the least is for what is short.
	maxReaders           = 8
	maxSubscriptionPages = 4
	maxReadPages         = 3
)

// settings are what every connection of the server runs with. All its queries go
// by an index; without statistics, or with those of a table that was small, the
// planner would scan. And all are alike each time: planning them again costs more
// than running them.
var settings = map[string]string{
	"plan_cache_mode":               "force_generic_plan",
	"application_name":              "messagestore",
	"random_page_cost":              "0", // so that the index with the fewest entries wins
	"seq_page_cost":                 "0",
	"enable_seqscan":                "off",
	"enable_bitmapscan":             "off",
	"enable_sort":                   "off", // so that indexes are merged and not sorted
	"jit":                           "off",
	"timezone":                      "UTC",
	"tcp_keepalives_idle":           "5",
	"tcp_keepalives_interval":       "1",
	"tcp_keepalives_count":          "5",
	"tcp_user_timeout":              "10000",
	"lock_timeout":                  lockTimeout,
	"default_transaction_isolation": "read committed",
}

// parse returns the configuration of a connection with that URL: as the role
// that may select and insert, and no more.
func parse(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	prepare(config)
	config.RuntimeParams["role"] = "messagestore_server"
	return config, nil
}

// prepare sets what all connections have, those of the watchdog too.
func prepare(config *pgx.ConnConfig) {
	for name, value := range settings {
		config.RuntimeParams[name] = value
	}
	config.ConnectTimeout = connectTimeout
	dialer := &net.Dialer{
		Timeout: connectTimeout,
		// A peer that is gone must be noticed while we wait for its answer.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: time.Second, Count: 5},
		Control:         userTimeout,
	}
	config.DialFunc = dialer.DialContext
}

type connectKey struct{}

// withoutCancel returns the configuration of a connection that dials only with a
// context that has connectKey. pgx dials too to cancel the statement of a
// connection that breaks: one whose commit waits for a synchronous standby would
// then be seen before the standby has it.
func withoutCancel(config *pgx.ConnConfig) *pgx.ConnConfig {
	config = config.Copy()
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if ctx.Value(connectKey{}) == nil {
			return nil, errors.New("a write is not cancelled")
		}
		return dial(ctx, network, addr)
	}
	return config
}

// closeConn closes a connection that may be nil, without waiting for long.
func closeConn(conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // what it was used for is over
}
