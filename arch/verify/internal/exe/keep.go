package exe

import "unique"

// keep returns s in memory that all equal strings share, and none of what s was cut
// from: thousands of files name the same interpreter and the same libraries.
func keep(s string) string { return unique.Make(s).Value() }
