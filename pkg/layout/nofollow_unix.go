//go:build unix

package layout

import "golang.org/x/sys/unix"

// openNoFollow keeps a link that somebody planted in a layout from being written through.
const openNoFollow = unix.O_NOFOLLOW
