//go:build !unix

package layout

// openNoFollow is nothing where there is no such flag.
const openNoFollow = 0
