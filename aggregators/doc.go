// Package aggregators is the runtime of the aggregators, which apply the events of
// the message store to the tables of View Data, each event exactly once.
//
//	message store ──subscription──▶ handlers ──▶ one transaction:
//	                                               fence: position old ──▶ new
//	                                               one statement per event, or per run of events
//
// An aggregator is a package with one file: its tables, and one handler per event
// type, which returns one SQL statement. The example of this package is a complete
// one. Handlers need no checks for repeated events. The runtime applies a batch of
// events in one transaction, whose first statement, the fence, moves the saved
// position of the aggregator from the last message before the batch to the last
// message of the batch. If the saved position is another one, because a second
// instance was faster or because the outcome of an earlier commit was unknown, the
// transaction fails, and the runtime reads the saved position and resumes there.
// Therefore View Data is the fold of the log, whatever crashes and however many
// instances run.
//
// Postgres needs 20 to 60 µs for one statement per event. For events that come
// thousands of times a second, a handler returns a statement of ForMessages, whose
// parameters are arrays. The runtime executes it once for a run, which is a
// sequence of events with the same SQL. If Postgres rejects the execution, the
// runtime repeats the batch with one execution per event, to find the event that
// fails.
//
// The runtime logs and skips a message for which a handler returns Skip, such as
// one that violates the contract and is in the log nevertheless. A statement that
// fails, or an owner's event that cannot be decoded, stops its aggregator, which
// retries with backoff; the other aggregators continue.
//
// If several instances of an aggregator run, one of them holds its lock and works,
// and the others are standbys. The lock only saves work: correctness depends on the
// fence.
//
// A saved position includes the ID of its message. If the log does not contain that
// message at that position, since it was restored from a backup, the aggregator
// truncates its tables and starts from the beginning of the log. Rebuild does the
// same without downtime: it builds new rows beside the existing ones, and then
// replaces the rows that differ.
package aggregators
