// Package tokens makes the very bytes of a gzip blob again whose encoder nobody
// knows, from what it unpacks to and from how a like blob was made.
//
// Deflate (RFC 1951) says a text in tokens, literals and matches, and which it takes
// is all that encoders differ in, besides where they cut blocks and what codes these
// have. Two blobs by one encoder have nearly the same tokens wherever their texts are
// the same. So [Reader] tells the tokens of an old blob, as hints; [Describe]
// writes down in what the new one differs from its hints, and [Build] makes the blob
// of its text, the same hints and that.
package tokens
