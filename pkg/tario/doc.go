// Package tario reads tars as tables and writes them without variety: an index
// of the members by cleaned name, found without reading their content, and
// headers that say nothing but name and size.
package tario

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// ErrInvalid is wrapped by errors that say a tar, or a name in one, is not
// acceptable.
var ErrInvalid = errors.New("not acceptable in a tar")

// maxNameBytes is the longest name of a member: PATH_MAX of Linux.
const maxNameBytes = 4096

// CleanName returns name as a slash-separated path below the root of the tar,
// without "./", "//" or a slash at either end; the root itself is ".". Names that
// climb above the root, and names that no file can have, are refused.
func CleanName(name string) (string, error) {
	switch {
	case name == "":
		return "", fmt.Errorf("empty name: %w", ErrInvalid)
	case len(name) > maxNameBytes:
		return "", fmt.Errorf("name of %d bytes: %w", len(name), ErrInvalid)
	case strings.ContainsRune(name, 0):
		return "", fmt.Errorf("name %.100q holds a zero byte: %w", name, ErrInvalid)
	}
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", fmt.Errorf("name %.100q climbs above the root: %w", name, ErrInvalid)
	}
	return clean, nil
}
