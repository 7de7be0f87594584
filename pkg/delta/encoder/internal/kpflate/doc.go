// Package kpflate is the writer of klauspost/compress/flate and of Go's
// compress/flate from 1.27 on, which came from it, frozen: the same input gives
// the same bytes for ever. It was copied from klauspost/compress v1.20.2 (see
// LICENSE); what reads, stateless and window writers, and unsafe loads were left
// out. family.go has all that differs between the versions, found by comparing
// them over real archives. Never edit what decides the output: its digests are
// held by tests.
package kpflate
