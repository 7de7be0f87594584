// Package registry is a repository at a registry as a place: the client of the
// OCI distribution specification 1.1, and of the registries that came before it.
//
// A [Client] is made once for a run; a [Repo] is one repository that it reads and
// writes. How bytes travel (authentication, redirects, second tries, what a
// registry may not do to its client) lies in internal/wire, internal/auth and
// internal/guard; this package knows what is asked for, and in which order.
//
// go-containerregistry's remote and its transport are not used: since v0.21.6
// they refuse redirects, upload locations and token servers on private addresses,
// which is where an air-gapped network has them, and they know neither ranges nor
// Retry-After.
package registry
