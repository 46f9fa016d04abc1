// Package audit proves a log, or finds what is wrong in it.
//
// It reads the whole table by SQL, in one read-only snapshot, so that it may run
// beside the servers, as any role that may select. It believes no index, since an
// index that has lost an entry would hide what it lost: each pass is a sequential
// scan, and what needs an order is sorted.
//
//	pass         order               finds
//	checkpoints  -                   nothing yet: where the consumers are
//	messages     global position     all that can be seen in global order
//	streams      stream, position    what is wrong in the positions of a stream
//	ids          id                  what is stored twice
//
// Here the messages go by one by one. What is kept of them is an entry for each
// category and for each consumer, some hundred bytes each, however long the log
// is. Postgres sorts three times, one after the other, in 64 MB for each process
// that takes part, and on disk beyond: for a log of 100 million messages with
// names of 50 bytes about 20 GB of temporary files at a time.
//
// Two things cannot be found in a log alone: that its last messages are missing,
// unless a checkpoint knows of them, and a message that somebody who may write to
// the table has forged in every column.
package audit
