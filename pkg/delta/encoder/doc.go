// Package encoder says which encoder made a compressed blob, and makes the very
// same bytes again. The encoders are frozen copies, each under a name that never
// changes its meaning, so that no newer toolchain or library changes what comes
// out. [Find] proves what it says over the whole blob; whoever applies a [Recipe]
// still verifies the digest of what comes out, since recipes come from outside.
package encoder
