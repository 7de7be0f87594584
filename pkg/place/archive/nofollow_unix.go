//go:build unix

package archive

import "golang.org/x/sys/unix"

// openOwn keeps a link that somebody planted beside the archive from being
// followed, and a pipe from being waited for.
const openOwn = unix.O_NOFOLLOW | unix.O_NONBLOCK
