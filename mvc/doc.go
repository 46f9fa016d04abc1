// Package mvc is the classical version of Video Tutorials, for comparison: one
// table, and a viewing is an update that adds 1 to a video's counter. It shares
// nothing with the system of messages beside it but two REST paths.
//
//	REST ──▶ mvc ── update videos set view_count = view_count + 1 ──▶ videos
//
// GET /v1/home shows the sum of the counters, and the videos. POST
// /v1/videos/{video_id}/viewings counts.
//
// What it promises: a viewing that is acknowledged is on disk, no two of them
// are lost in each other, and who reads after an answer sees what it was about.
//
// What it cannot promise is what the comparison is about. A viewing of a video
// that has no row is refused, since there is nothing to count in. The header
// Idempotency-Key means nothing here: a post that is repeated, because its answer
// was lost, counts twice. Nothing says who has watched, or when.
package mvc
