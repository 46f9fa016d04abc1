// Package messagestore defines the messages, streams, categories and errors of a
// message store, and the Store interface that appends and reads messages.
//
//	applications ──write──▶ ┌───────────────┐ ──subscribe──▶ components
//	components   ──write──▶ │ message store │ ──subscribe──▶ aggregators
//	                        └───────────────┘
//
// A stream is append-only. The positions of its messages start at 0 and have no
// gaps. Global positions number all messages of the store in commit order, from 1
// and without gaps too: a reader that has seen global position n has seen all
// lower ones. The part of a stream's name before the first dash is its category.
// Only the owner of a category may append to it.
//
// The package imports only the standard library. Package postgres implements Store
// on Postgres, package rpc over gRPC, with a client and a server. Package consumer
// runs handlers over a subscription. Package contract encodes messages, and package
// storetest is the conformance suite of Store.
package messagestore
