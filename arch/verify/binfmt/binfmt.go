// Package binfmt says for which machines the kernel has emulators registered
// (Documentation/admin-guide/binfmt-misc.rst of Linux).
package binfmt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
)

// Dir is where handlers stand below the root of the system.
const Dir = "proc/sys/fs/binfmt_misc"

// Bounds on what is read, far above what the kernel writes.
const (
	maxHandlers     = 1000
	maxHandlerBytes = 16 << 10
)

// ErrUnknown is returned where the handlers cannot be seen: binfmt_misc is not mounted,
// as in most containers, or there is no Linux. The kernel may have some all the same.
var ErrUnknown = errors.New("the handlers of binfmt_misc cannot be seen here")

// A Handler is one registered way to start files of another kind.
type Handler struct {
	Name        string // as in qemu-aarch64
	Interpreter string // path of the emulator
	Flags       string
	Enabled     bool
	offset      int
	magic, mask []byte
}

// WorksInContainers reports whether the kernel has the emulator open already (flag F).
// Without it the emulator would have to be in the image.
func (h Handler) WorksInContainers() bool { return strings.Contains(h.Flags, "F") }

// Handles reports whether the kernel would give a file that begins with header to h.
func (h Handler) Handles(header []byte) bool {
	if !h.Enabled || len(h.magic) == 0 || len(header) < h.offset+len(h.magic) {
		return false
	}
	for i, m := range h.magic {
		diff := header[h.offset+i] ^ m
		if i < len(h.mask) {
			diff &= h.mask[i]
		}
		if diff != 0 {
			return false
		}
	}
	return true
}

// For returns the handler for Linux programs of an architecture, a GOARCH. Which it is, is
// told by what it takes, not by its name.
func For(handlers []Handler, architecture string) (Handler, bool) {
	header := exe.Header(architecture)
	i := slices.IndexFunc(handlers, func(h Handler) bool { return h.Handles(header) })
	if i < 0 {
		return Handler{}, false
	}
	return handlers[i], true
}

// Read returns the handlers of the system whose root fsys is, sorted by name, none where
// binfmt_misc is switched off. It returns [ErrUnknown] where they cannot be seen.
func Read(fsys fs.FS) ([]Handler, error) {
	status, err := readSmall(fsys, Dir+"/status")
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w: %w", Dir, ErrUnknown, err)
	}
	if strings.TrimSpace(string(status)) != "enabled" {
		return nil, nil
	}
	entries, err := fs.ReadDir(fsys, Dir)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w: %w", Dir, ErrUnknown, err)
	}
	var handlers []Handler
	for _, e := range entries[:min(len(entries), maxHandlers)] {
		if e.Name() == "status" || e.Name() == "register" {
			continue
		}
		raw, err := readSmall(fsys, Dir+"/"+e.Name())
		if err != nil {
			continue // it went away, or is not for us to read
		}
		handlers = append(handlers, parse(e.Name(), raw))
	}
	return handlers, nil
}

func readSmall(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxHandlerBytes))
}

// parse reads what the kernel says of one handler. Lines that it does not know, it skips.
func parse(name string, raw []byte) Handler {
	h := Handler{Name: name}
	for line := range bytes.Lines(raw) {
		key, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		switch key {
		case "enabled":
			h.Enabled = true
		case "interpreter":
			h.Interpreter = value
		case "flags:":
			h.Flags = value
		case "offset":
			if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < maxHandlerBytes {
				h.offset = n
			}
		case "magic":
			h.magic = unhex(value)
		case "mask":
			h.mask = unhex(value)
		}
	}
	return h
}

// unhex returns nothing for what is not hexadecimal: such a handler takes no file.
func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}
