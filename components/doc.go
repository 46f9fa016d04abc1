// Package components is the frame of the components: autonomous doers that take
// commands and events, decide, and append events to the streams they own.
//
//	message ──▶ read the entity's stream ──▶ done? ──▶ decide ──▶ write, all or nothing
//	                  ▲                                             │ version conflict
//	                  └─────────────────────────────────────────────┘
//
// A component is one package: a state, the folds of the entity's events into it,
// and for each message a decision, a method of the state that returns what is to
// be emitted. Decisions are pure. The frame does the rest, always alike. The
// README has a whole one, under "Writing a component, writing an aggregator".
//
// # Once
//
// A message may be delivered twice, and to two instances. It is done if the
// entity's stream, the first that is read, has an event caused by it, or by a
// later message of the same category: those of one entity are handled in order.
// Each emitted message has the message that caused it in its metadata. An event
// of the original system, which has not, counts as caused by what stands right
// before it in the log.
//
// What is emitted is written in one batch that expects each stream that was read
// as it was read. On a conflict the frame begins again. The ids of what is
// emitted derive from the consumer, the cause and the ordinal (see derive), so a
// decision that leaves no event in the entity's stream is written once, too. If
// such an id is stored with other content, another program's version has written
// it: it is done.
//
// Domain failures are events. Whatever else fails, as a store that is away, is
// tried again for ever, with growing pauses, while other entities go on.
//
// # Effects
//
// What is done outside, as to send a mail, is an Effect. The frame appends an
// event before each attempt, with the time until which nobody else attempts it,
// and the instance whose append wins does it. It does not hold up the entity.
package components
