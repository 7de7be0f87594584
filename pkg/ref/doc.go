// Package ref says what a user's string means: an image at a registry, in the store, in an
// engine, in an archive or in a folder.
//
// The meaning of a string never depends on what is on the disk or on the network, nor on the
// operating system. [Parse] decides in this order:
//
//  1. A string that starts with "/", "./", "../", "\", ".\", "..\" or a drive ("C:\", "C:/"),
//     or is ".", ".." or "-", is a [Path].
//  2. "docker://NAME" is an image at its registry, and "ssh://[USER@]HOST[:PORT]/PLACE" one of the
//     other forms on that host, where a bare name is refused; any other "word://" is refused.
//  3. "store:", "oci:", "oci-archive:", "docker-archive:", "docker-daemon:" and
//     "containers-storage:" say the kind. "docker:24" does not: it is the image docker, tag 24.
//     The words of other tools that we do not speak ("dir:", "ostree:", …) are refused.
//  4. A string that ends in ".tar", ".tar.gz", ".tgz" or ".tar.zst" is a [Path], and so is
//     one that ends as a part of an archive does: ".tar.001", ".tar.p01" or ".parts.json".
//  5. All else is a name at a registry, by Docker's rules; see [ParseName].
//
// In "oci:DIR:TAG" and the two archive forms the path ends at the first ":" after the drive
// letter, as with skopeo, so TAG may hold colons itself ("oci:out:ghcr.io/a/b:1.0") and a path
// with a colon in it is written as a plain path ("./odd:folder"). An "@" belongs to the path
// unless "sha256:" or "sha512:" follows, so that "oci:workspace@2:v1" is tag v1 in workspace@2.
package ref
