//go:build !unix

package place

import "io/fs"

// inode is nothing that Windows needs: its files have fine times.
func inode(fs.FileInfo) uint64 { return 0 }
