package exe

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/dray-oci/dray/arch"
)

// maxLineBytes is how much of a "#!" line Linux reads (BINPRM_BUF_SIZE).
const maxLineBytes = 256

// readScript reads the "#!" line as Linux does: the first word is the interpreter, all
// the rest is one argument. A carriage return stays, as it does for the kernel.
func readScript(head []byte) *File {
	line := head[2:min(len(head), maxLineBytes)]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	words := strings.Trim(string(line), " \t\x00")
	interp, arg := words, ""
	if i := strings.IndexAny(words, " \t"); i >= 0 {
		interp, arg = words[:i], strings.Trim(words[i:], " \t")
	}
	return &File{Format: Script, Kind: Program, Interp: keep(interp), Arg: keep(arg)}
}

// readWasm: a core module has version 1; a component has another, and a layer
// beside it (WebAssembly Component Model, Binary.md).
func readWasm(head []byte) *File {
	f := &File{Format: Wasm, Kind: Program, Machine: "WebAssembly", Targets: []arch.Platform{{OS: "wasi", Architecture: "wasm"}}}
	if len(head) < 8 {
		return nil
	}
	if binary.LittleEndian.Uint32(head[4:]) != 1 {
		f.Machine = "WebAssembly component"
	}
	return f
}
