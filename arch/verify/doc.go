// Package verify says whether an image is whole and whether every platform of it holds
// what it says. Three witnesses are heard for each platform: the entry of the index, the
// config, and the programs in the layers.
//
// Nothing is unpacked and nothing is executed: layers stream by once, however many
// platforms share them, each byte is hashed once, and what is kept of a layer is a table
// of its names.
//
// [Run] judges one image at one place. Beside it stand [Survey], the table of platforms
// with no judgement; [Here], whether one of them runs on a machine; [Children], what the
// tags of a repository need; and [Engines], which engines load an archive.
package verify
