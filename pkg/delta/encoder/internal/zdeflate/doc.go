// Package zdeflate makes the deflate streams of zlib and of GNU gzip, bit by bit:
// the same matches, the same borders between blocks, the same Huffman tables. It
// was written after zlib 1.2.13 and gzip 1.12, by Jean-loup Gailly and Mark
// Adler, whose names for things it keeps where there are no better ones. Never
// edit what decides the output: it is held by tests against the real programs.
package zdeflate
