// Package config reads docker's and containers' configuration of registries: credentials,
// mirrors and certificates.
//
// It is the one package that imports github.com/containers/image/v5, and only for
// registries.conf (registries.go). Credentials and certs.d are read here, from the files
// themselves, because the library's own readers know no credsStore and no registry tokens, stop at
// the first unreadable file, run helpers with no time limit, read the environment, and drop
// what they do not know from an auth.json they rewrite.
//
// What cannot be read is told once through Options.Warn, as an error that may have a
// Hint() string, and the work goes on without it: a public image needs no credentials. Only
// registries.conf must be readable where it exists, since it can forbid a registry.
//
// Left out on purpose: short-name aliases and unqualified-search-registries, because a bare
// name means Docker Hub whatever a machine's configuration says; credential-helpers of
// registries.conf; and ~/.dockercfg, which docker itself no longer reads.
package config
