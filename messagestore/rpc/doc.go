// Package rpc is the message store over gRPC: a server for a Store, and a client
// that is a Store. It is where Go's words and the wire's are translated, in both
// directions, and where who calls becomes a principal.
//
//	Client ──mTLS──▶ Server ──▶ Store
//
// What crosses the wire is bounded. A call of more than 4 MiB is refused with
// INVALID_ARGUMENT, one of more than 8 MiB by gRPC itself, unread, with
// RESOURCE_EXHAUSTED; Client refuses both before it sends them. Responses stay
// below 4 MiB, which is what clients of every language accept by default. So are
// connections, calls under way, and the streams of a principal: over its limit a
// server answers RESOURCE_EXHAUSTED, or closes the connection (limit.go).
//
// Several servers of one Postgres are one store. A client's calls go round those
// that say by gRPC's health checks that they serve, and leave one that says
// nothing (servers.go, attempt.go). What many write through one client at the same
// time goes in few calls (gather.go).
package rpc
