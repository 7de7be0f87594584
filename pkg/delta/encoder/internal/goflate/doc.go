// Package goflate is the writer of Go's compress/flate as it was from Go 1.8 to
// Go 1.26, frozen: the same input gives the same bytes for ever. It was copied
// from Go 1.26.8 (BSD licence, see LICENSE); what reads, presets dictionaries or
// resets was left out. Added are resume.go and the calls of tell in deflate.go.
// Never edit what decides the output: its digests are held by tests.
package goflate
