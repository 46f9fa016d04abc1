// Package components is the runtime of components. A component consumes commands
// and events, decides, and appends events to the streams that it owns.
//
//	message ──▶ read the entity's stream ──▶ handled before? ──▶ decide ──▶ append as one batch
//	                  ▲                                                       │ version conflict
//	                  └───────────────────────────────────────────────────────┘
//
// A component is one package with a state type, the folds of its entity's events
// into that state, and one decision for each type of message: a pure method of
// the state that returns the messages to append. The runtime does everything
// else. The tutorial in docs contains a complete component.
//
// # Idempotence
//
// A message may be delivered twice, and to two instances. It counts as handled if
// the entity's stream (the first stream that is read) has an event caused by it, or
// caused by a later message of the same category: messages for one entity are
// handled in order. The metadata of each emitted message names its cause. An event
// of the original system has no such metadata; it counts as caused by the message
// right before it in the log.
//
// The messages that a decision emits are appended in one batch, which expects every
// stream that was read to be at the version that was read. After a version conflict
// the runtime starts over. The ids of emitted messages derive from the consumer, the
// cause and an ordinal (see derive), so a decision that leaves no event in the
// entity's stream is also written only once. If a derived id is stored with other
// content, another version of the program has handled the message, and it counts as
// handled.
//
// Domain failures are events. Any other failure, such as an unavailable store, is
// retried for ever with growing backoff, while other entities proceed.
//
// # Effects
//
// An Effect is work outside the log, such as sending a mail. The runtime appends an
// event before each attempt, which holds a lease on the attempt; the instance whose
// append succeeds makes the attempt. Other messages for the entity do not wait for
// it. The documentation of Effect describes its states.
package components
