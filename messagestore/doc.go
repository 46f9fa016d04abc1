// Package messagestore is the vocabulary of the message store: messages in
// streams, one order over all of them, and a Store that appends and reads.
//
//	applications ──write──▶ ┌───────────────┐ ──subscribe──▶ components
//	components   ──write──▶ │ message store │ ──subscribe──▶ aggregators
//	                        └───────────────┘
//
// A stream is append-only and counts its messages from position 0, without
// gaps. The store counts all messages from global position 1, without gaps too,
// in the order in which they were committed: whoever has seen global position n
// has seen all below it. The first part of a stream's name is its category, and
// a category has one owner, which alone appends to it.
//
// The package imports nothing but the standard library. Package postgres has the
// Store on Postgres, package rpc the Store over gRPC and its server, package
// consumer what runs handlers over a subscription, and package storetest the
// suite that every Store passes.
package messagestore
