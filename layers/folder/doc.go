// Package folder carries files between layers and folders on a disk: out of a tree of
// layers into a folder, and from a folder into headers. Everything goes through
// [os.Root], so that no name and no link leads out of the folder, whatever the image
// says and whoever changes the folder meanwhile.
package folder
