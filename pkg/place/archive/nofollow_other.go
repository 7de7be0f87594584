//go:build !unix

package archive

// openOwn is nothing where there are no such flags.
const openOwn = 0
