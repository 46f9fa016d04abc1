// Package consumer runs handlers over a subscription and keeps the position of
// the consumer. Components handle messages in parallel, one worker per entity.
// Aggregators handle them in batches and store the position in View Data.
//
//	categories ──subscription──▶ Consumer ──▶ worker of entity 1 ──▶ position
//	                                 ▲    └─▶ worker of entity 2       │ Read in subscriberPosition-<ID>
//	                                 └──────── at a start ─────────────┘
//
// # Delivery
//
// Each message is handled at least once, those of one entity in the order of the
// log. After a stop no handled message is repeated. After a crash the messages
// after the saved position are repeated, so handlers MUST be idempotent. A
// message that fails is retried indefinitely, with backoff, while later messages of
// the same entity wait. Only a message that can never be handled is logged and
// skipped.
//
// # Position
//
// The saved position is just before the oldest unhandled message. It is saved
// after 100 handled messages, 5 s after the first message handled since the last
// save, when the consumer stops, and after 10,000 skipped messages. Time or
// Progress alone never cause a save, and messages that are themselves positions
// count as skipped: otherwise idle consumers would wake each other for ever.
//
// A saved position has the id of its message. If that message is no longer in the
// log because the log was restored from a backup, the consumer resumes at the
// position saved in the restored log.
package consumer
