// Package serve is places as a registry over HTTP: the distribution API of OCI
// (distribution-spec 1.1), answered from where content lies, with nothing
// unpacked and nothing copied.
//
// # Names
//
// Images in a store or an archive have names with a host, and requests have
// none. A path is therefore read as an image name first, by Docker's rules:
// /v2/alpine/ and /v2/library/alpine/ are docker.io/library/alpine, and
// /v2/ghcr.io/org/app/ is ghcr.io/org/app. What no image has that name is looked
// for without the host: /v2/org/app/ is ghcr.io/org/app as well. If several hosts
// have the same path, and under the tag that is asked for different images, there
// is no answer but that. The query ns=HOST, which containerd adds to what it asks
// of mirrors, says the host.
//
// A host with a port cannot stand in a path; its colon is written as "_".
//
// Content belongs to the places as a whole: a repository that exists has every
// blob there is, and all manifests that its own names reach.
package serve
