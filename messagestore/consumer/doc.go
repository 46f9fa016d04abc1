// Package consumer follows a subscription and keeps the consumer's position. The
// components handle what comes by a Parallel; the aggregators, which keep their
// positions in View Data, follow by a Loop.
//
//	categories ──subscription──▶ Loop ──▶ Parallel ──▶ position
//	                               ▲                      │ Read in subscriberPosition-<ID>
//	                               └──── after a start ───┘
//
// # Delivery
//
// Each message is handled at least once, those for one entity in the order of the
// log. After a stop none that was handled comes again; after a crash those since
// the last kept position do, so handling MUST be idempotent. A message that fails
// is tried again for ever, with growing pauses, and the ones behind it for the same
// entity wait; only what nobody can handle is skipped, with a line in the log.
//
// # Position
//
// The position is written after 100 handled messages, 5 s after the first one
// that was handled since the last write, when the consumer stops, and after
// 10,000 skipped ones; never merely because time passed or the subscription
// reported progress. Messages that are themselves positions count as skipped.
// Else idle consumers' positions would move the head for each other, for ever.
//
// A position is a place: it has the id of its message. When the log no longer
// has the message at that place (it was restored, and perhaps written on), the
// consumer goes on from the position that the log has.
package consumer
