// Package far is a place on another host, reached over any stream of bytes: one
// connection of unencrypted HTTP/2, of which [Serve] is the far end and [Conn] the
// near one. What secures it is what carries it, as ssh does: see [Dial].
//
// The far end has a [place.Source] or a [place.Sink] opened by whoever serves, and
// answers what the near end asks of it, so that every kind of place can be far, with
// its own way to go on after a cut, and nothing is stored on the way. Only content
// that the far end wants is sent.
//
// # Protocol
//
// Requests are POSTs of one JSON document, answers are 200 with one, or another
// status with [failure]. /open names a place and gets a number and what the place
// can do; paths below /NUMBER/ ask it. An answer to /put is lines of JSON: the far
// end says from which offset it wants the content, as often as it likes; for each
// the near end sends a request /bytes whose body that is; the last line says how it
// ended.
package far
