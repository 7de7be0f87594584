// Package delta describes a layer blob by others that the receiver has: a recipe,
// a small blob from which exactly the bytes of the layer are rebuilt.
//
// A compressed layer shares nothing with the one before it, its tar nearly all.
// So [Make] undoes the compression, finds out which encoder made it (package
// encoder), and writes down the tar as copies from the tars of the bases, changed
// headers, differences of changed files, and what is new. [Apply] makes that tar
// again, in a file, and encodes it to the very same bytes. Gzip of which nobody knows
// the encoder is made again by the choices of the encoder of a base (package
// tokens), or described as it is stored, by copies between the compressed bytes.
//
// Nothing in a recipe is a path, a link or an owner: it speaks of offsets only, and
// both sides treat a tar as bytes. A recipe is trusted with nothing: it can
// fail, but what Apply returns nil for has the digest that was asked for. Both
// sides hold less than 150 MB, whatever the size, and at most one unpacked layer on
// disk, and with tokens about what the bases are compressed (docs/formats.md, "Recipes").
package delta
