// Package cuda says what an image asks of the GPU driver, by the words that NVIDIA's
// container toolkit reads in its environment, and whether the driver here meets it.
// What cannot be known is said to be unknown.
package cuda

import (
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
)

// A Truth is an answer that may be unknown.
type Truth string

// The answers.
const (
	Unknown Truth = "unknown"
	Yes     Truth = "yes"
	No      Truth = "no"
)

// and is unknown only where it matters.
func (t Truth) and(u Truth) Truth {
	switch {
	case t == No || u == No:
		return No
	case t == Yes && u == Yes:
		return Yes
	}
	return Unknown
}

func (t Truth) or(u Truth) Truth {
	switch {
	case t == Yes || u == Yes:
		return Yes
	case t == No && u == No:
		return No
	}
	return Unknown
}

// DriverFile is where the kernel module says its version, below the root of the system.
const DriverFile = "proc/driver/nvidia/version"

const maxDriverBytes = 4 << 10

// A Driver is the kernel module that is loaded.
type Driver struct {
	Version string // as in 535.104.05
}

// ReadDriver returns the driver of the system whose root fsys is. The error wraps
// [fs.ErrNotExist] where none is loaded.
func ReadDriver(fsys fs.FS) (Driver, error) {
	f, err := fsys.Open(DriverFile)
	if err != nil {
		return Driver{}, fmt.Errorf("reading the version of the NVIDIA driver: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxDriverBytes))
	if err != nil {
		return Driver{}, fmt.Errorf("reading the version of the NVIDIA driver: %w", err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	version := regexp.MustCompile(`(?:^|\s)(\d{3,4}\.\d{1,4}(?:\.\d{1,4})?)(?:\s|$)`).FindStringSubmatch(line)
	if version == nil {
		return Driver{}, fmt.Errorf("reading the version of the NVIDIA driver: %.100q names none", line)
	}
	return Driver{Version: version[1]}, nil
}

// CUDA returns the highest CUDA that the driver supports; ok is false where that is not
// known. The numbers are what each branch of drivers reports itself: the branches of
// NVIDIA's "CUDA Toolkit and Corresponding Driver Versions".
func (d Driver) CUDA() (version string, ok bool) {
	branches := []struct{ driver, cuda string }{
		{"375", "8.0"},
		{"384", "9.0"},
		{"387", "9.1"},
		{"396", "9.2"},
		{"410", "10.0"},
		{"418", "10.1"},
		{"440", "10.2"},
		{"450", "11.0"},
		{"455", "11.1"},
		{"460", "11.2"},
		{"465", "11.3"},
		{"470", "11.4"},
		{"495", "11.5"},
		{"510", "11.6"},
		{"515", "11.7"},
		{"520", "11.8"},
		{"525", "12.0"},
		{"530", "12.1"},
		{"535", "12.2"},
		{"545", "12.3"},
		{"550", "12.4"},
		{"555", "12.5"},
		{"560", "12.6"},
		{"565", "12.7"},
		{"570", "12.8"},
		{"575", "12.9"},
		{"580", "13.0"},
		{"590", "13.1"},
	}
	branch, _, _ := strings.Cut(d.Version, ".")
	if newest := branches[len(branches)-1].driver; compare(branch, newest) > 0 {
		return "", false
	}
	for _, b := range branches {
		if compare(branch, b.driver) >= 0 {
			version = b.cuda
		}
	}
	return version, version != ""
}
