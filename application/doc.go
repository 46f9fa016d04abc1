// Package application is the API of Video Tutorials: gRPC services with REST in
// front. It has no state of its own. It reads View Data, and writes to the
// message store. The store it reads in four places, where View Data may not lag:
// a registration that is repeated, a publishing that is, log-ins at the same
// time, the end of the log.
//
//	REST ──▶ http ──▶ gateway ──▶ ┐
//	           │                  ├──▶ interceptors ──▶ a service ──▶ message store
//	gRPC ──────│────────────────▶ ┘                        └───────▶ View Data
//	           └──▶ direct ──▶ uploads, published videos ──▶ the folder of videos
//
// The gateway calls the services of its own process as their gRPC server does,
// without a connection. So a REST call and a gRPC call pass the same interceptors,
// and a service knows nothing of HTTP.
//
// Files are streamed, and so go past the gateway: uploads into the folder of
// videos, and what is published out of it. They come through the same door, see
// direct. They may take as long as bytes flow.
//
// # Trace ids
//
// Each call has a trace id, made here: an incoming one is ignored. It is in the
// header X-Trace-Id of every HTTP answer and in the header metadata x-trace-id
// of every gRPC answer, in the log, and in the metadata of all messages that
// follow from the call.
//
// # Idempotency keys
//
// A POST may carry the header `Idempotency-Key: <uuid>`, a gRPC call of the same
// method the metadata idempotency-key. Its trace id and the ids of its messages
// are then derived from the caller, the path and the key, see derive. A repeat
// so writes the same messages again, which the store takes for what they are,
// and gets the same answer. There is no memory of keys that could be lost or
// grow.
//
// # Sessions
//
// A log-in gives a token, which says who has it and until when, signed with the
// secret. A log-out is an event; that a session has ended is in View Data, and
// looked up at each call, as is the role of an administrator. Who may call what
// is one table, see accessOf.
//
// A wrong password is an event too, and the fifth of them locks the account for
// 15 minutes. It is written with the version that it was decided on: so guesses
// at the same time are counted one by one, by all processes together. Before
// that, each process counts failures by address and by peer, alike for addresses
// with an account and without.
//
// # Errors
//
// Errors are google.rpc.Status, over REST as JSON. Their fields are named as in
// REST, lowerCamelCase (`videoId`), for gRPC callers too; a header is named by
// its name. What the layers below return is translated once, in errors.go.
package application
