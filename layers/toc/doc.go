// Package toc reads the tables of contents that eStargz and zstd:chunked layers carry:
// with one, a file can be had without the rest of its layer. The digest of the table
// stands in the manifest, and that of each file in the table, so that what is read
// so is as sure as a layer that was read whole.
package toc
