//go:build race

package encoder_test

// raced says that the race detector makes encoders ten times slower.
const raced = true
