// Package layers makes new images from old ones, and says what is in them: append,
// mutate, rebase, flatten, convert, index, commit; files, cat, diff, tree, export. All
// of it works from any place to any place, over every platform of an index, without
// a daemon, without privileges, and with memory that grows with the number of
// files and not with their size.
//
// What is made comes into a [Bench]: a source that has the new documents and layers,
// and for everything else the image that was there before. Copying from it to the
// destination reads only what that lacks.
package layers
