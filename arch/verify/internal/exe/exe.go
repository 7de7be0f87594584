// Package exe says which machine an executable file is for, from one pass over
// its bytes: ELF, PE, Mach-O, WebAssembly, and the first line of a script.
//
// The readers of the standard library want the whole file at hand, for its tables
// may stand at the end. Here files stream by inside a layer, so only what says
// something is kept, within bounds: headers, the interpreter, the libraries that are
// needed, notes, ARM attributes, and what the Go linker wrote down.
package exe

import (
	"fmt"

	"github.com/dray-oci/dray/arch"
)

// A Format is a file format of programs.
type Format string

// The formats that are known.
const (
	ELF    Format = "ELF"
	PE     Format = "PE"
	MachO  Format = "Mach-O"
	Wasm   Format = "WebAssembly"
	Script Format = "script"
)

// A Kind is what an executable file is there for.
type Kind string

// The kinds of file. A position-independent ELF program without an interpreter
// cannot be told from a library by its header: it is a Library.
const (
	Program Kind = "program"
	Library Kind = "library"
	Other   Kind = "object" // a relocatable file, a core, firmware: nothing that is started as it is
)

// A File is what an executable file says of itself. Strings in it come from
// outside.
type File struct {
	Format Format
	Kind   Kind

	// Targets are the machines that the file is for: one, several in a fat Mach-O, none
	// for a script, and where no platform stands for the machine (GPU or BPF code, say).
	// Variant is the least that the file needs, and empty where it does not say. OS is
	// linux for ELF unless the file says otherwise.
	Targets []arch.Platform
	Machine string // what the header names, for a person
	ABI     string // what has to be the same in a program and its interpreter, besides the machine
	Neutral bool   // it runs on any machine in spite of its header: managed code

	Interp       string   // the ELF interpreter, or the first word of a script's "#!" line
	Arg          string   // the rest of a script's "#!" line
	Needed       []string // DT_NEEDED of ELF
	NeededUnread bool     // there is more needed than could be read within the bounds
	Go           string   // the version of Go that made it, if one did
}

// Target returns the first platform of Targets, or the zero one.
func (f *File) Target() arch.Platform {
	if len(f.Targets) == 0 {
		return arch.Platform{}
	}
	return f.Targets[0]
}

// String says what the file is, as in "ELF program for linux/arm64".
func (f *File) String() string {
	if f.Format == Script {
		return "script"
	}
	for i, t := range f.Targets {
		if t == (arch.Platform{}) {
			continue
		}
		text := fmt.Sprintf("%s %s for %s", f.Format, f.Kind, t.Short())
		if more := len(f.Targets) - 1 - i; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		return text
	}
	return fmt.Sprintf("%s %s for %s", f.Format, f.Kind, f.Machine)
}
