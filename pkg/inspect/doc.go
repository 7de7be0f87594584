// Package inspect says what is at a place: what an image is made of, what one of
// its platforms is, how it came to be, and what a store holds. It reads
// manifests and configs, never a layer, and changes nothing.
package inspect
