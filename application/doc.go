// Package application is the API of Video Tutorials: gRPC services with REST in
// front. It keeps no state. It reads View Data and writes to the message store. It
// reads the store only where View Data must not lag: for repeated registrations
// and publications, for concurrent log-ins, and for the head of the log.
//
//	REST ──▶ rest.Handler ──▶ gateway ──▶ ┐
//	           │                          ├──▶ interceptors ──▶ a service ──▶ message store
//	gRPC ──────│────────────────────────▶ ┘                        └───────▶ View Data
//	           └──▶ video.Server ──▶ the media folder
//
// The services are in this package, a file each. Below it are
//
//	call     a call's request, idempotency key, access and errors
//	session  log-ins, passwords, tokens, cookies and the authorizer
//	rest     the gateway, errors as JSON, the OpenAPI document
//	video    uploads and published videos, which are streamed
//
// The gateway calls the services of its own process, through the same interceptors
// as gRPC calls but without a connection. A service knows nothing of HTTP.
//
// # Trace ids
//
// Each call has a trace id, which is made here: an incoming one is ignored. It is
// in the header X-Trace-Id of every HTTP answer and in the header metadata
// x-trace-id of every gRPC answer, in the log, and in the metadata of all messages
// that the call causes.
//
// # Idempotency keys
//
// A POST may have the header `Idempotency-Key: <uuid>`, and a gRPC call of the same
// method the metadata idempotency-key. The trace id and the ids of the call's
// messages are then derived from the caller, the path and the key. A repeat writes
// the same messages again, which the store recognises, and gets the same answer. No
// keys are stored.
//
// # Sessions
//
// A log-in returns a signed token with the user and the time of expiry. A log-out
// is an event; View Data has the sessions that were ended, and each call looks its
// session up there, as well as the administrator's role. call.AccessOf is the table
// of who may call what.
//
// A wrong password is an event too, and the fifth locks the account for 15 minutes.
// It is written with the version that the decision was based on, so that concurrent
// guesses are counted one by one over all processes. Before that, each process
// counts failures by address and by peer, alike for addresses with and without an
// account.
//
// # Errors
//
// Errors are google.rpc.Status, in REST as JSON. Fields have their REST names,
// lowerCamelCase (`videoId`), for gRPC callers too; a header has its own name.
// call.Translate translates the errors of the packages below.
package application
