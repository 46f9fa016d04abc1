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
// Each call has a trace id, which is made here: an incoming one is ignored. A POST may
// have an idempotency key: the trace id and the id of the call's message are then
// derived from it, so that a repeat writes the same message again, which the store
// recognises. No keys are stored. Errors are google.rpc.Status; their fields have
// their REST names for gRPC callers too, and call.Translate has the table of them. The
// headers and the rules are in docs/contracts.md.
//
// A session is a signed token. View Data has the sessions that were ended, and each
// call reads its session there, as well as the administrator's role. call.AccessOf is
// the table of who may call what.
package application
