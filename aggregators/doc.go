// Package aggregators is the frame of the aggregators: it shapes the events of
// the message store into the tables of View Data, and makes each event count
// once.
//
//	message store ──subscription──▶ handlers ──▶ one transaction:
//	                                               fence: position old ──▶ new
//	                                               a statement an event, or a run
//
// An aggregator is one package with one file: its tables, and a handler an event
// that returns one SQL statement. The README has a whole one, under "Writing a
// component, writing an aggregator". The handlers have no guards of their own
// against an event that comes twice. The frame applies a batch of events in one
// transaction whose first statement, the fence, moves the aggregator's position
// from where it was read to behind the batch. Where the position is another one
// by now, or whether a commit happened is not known, nothing is applied: the
// frame reads the position again and follows the log from there. So View Data is
// the fold of the log, whatever crashes and however many run.
//
// A statement an event costs Postgres 20 to 60 µs. A handler of what comes
// thousands of times a second returns one of ForMessages instead, whose parameters
// are arrays: the frame makes one execution of a run, the events that follow one
// another and have the same SQL. Postgres refuses a run as a whole; then the frame
// begins the batch again with each event alone, and so finds which is to blame.
//
// A message that the contract does not allow, and that is in the log anyway, is
// skipped, and the log says so (Skip); a statement that fails, and an owner's event
// that cannot be decoded, stop their aggregator, which tries again, and the others
// go on.
//
// Of several runners of an aggregator one has its lock and works, the others
// stand by. The lock only saves work; the fence is what is relied on.
//
// A position is a place, with the id of its message. When the log no longer has
// it there, since it was restored, the aggregator empties its tables and begins
// from the start. Whoever has doubts of a view calls Rebuild, which makes the rows
// again beside those that there are, and then exchanges what differs.
package aggregators
