// Package pgserver runs a private Postgres: a data folder, and a server that
// listens on a socket in a folder that only its user may enter, and nowhere else.
//
// # Who holds a data folder
//
// Two locks answer two questions.
//
//	<dir>.lock  held by the process that called Start: is there a launcher?
//	<dir>       held by postgres and all its backends: does a server still run?
//
// The first one refuses a second launcher, which would else find the socket of
// the first one's server and use it. The second one is waited for: after a
// launcher was killed its server takes a moment to shut down, and a server that
// starts before the last backend of the old one has gone does not come up.
// Postgres's own postmaster.pid cannot answer that, since pids are used again.
package pgserver
