// Package service is the frame of every process: its settings, its log, its
// signals, its exit code, and what operators ask it over HTTP.
//
// A main is one call of Main with its commands. What a command runs ends when
// its context does, at SIGINT or SIGTERM, and then returns nil.
package service
