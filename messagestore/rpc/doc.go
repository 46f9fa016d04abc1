// Package rpc is the message store over gRPC: a Server for a Store, and a Client
// that is a Store.
//
//	caller → Client ──mTLS──▶ Server → Store
//	         call.go          auth.go     principal of the certificate
//	         batcher.go       limit.go    admission control
//	         servers.go       service.go  one method a call
//
// Conversions between the Go types and the wire are in convert.go and request.go,
// those of errors in errors.go.
//
// A request of more than 4 MiB is rejected with INVALID_ARGUMENT; gRPC rejects one
// of more than 8 MiB unread, with RESOURCE_EXHAUSTED. The Client checks before it
// sends. Responses stay below 4 MiB, the default limit of clients in every
// language. A server also bounds its connections, its calls, and the calls and
// streams of each principal: over a limit it answers RESOURCE_EXHAUSTED or closes
// the connection.
//
// Several servers of one Postgres are one store. The Client spreads its calls over
// the servers that pass gRPC's health checks, and avoids one that does not answer.
package rpc
