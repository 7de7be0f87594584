package exe_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/exetest"
)

func TestReadMachines(t *testing.T) {
	for want, spec := range map[string]exetest.ELFSpec{
		"linux/amd64 ":                     {},
		"linux/amd64p32 ":                  {Is32: true},
		"linux/amd64/v3 ":                  {Level: 3},
		"linux/386 ":                       {Machine: elf.EM_386, Is32: true},
		"linux/arm64 ":                     {Machine: elf.EM_AARCH64},
		"linux/arm64be ":                   {Machine: elf.EM_AARCH64, Big: true},
		"linux/arm/v6 hard float":          {Machine: elf.EM_ARM, Is32: true, Flags: 0x5000400},
		"linux/arm/v7 soft float":          {Machine: elf.EM_ARM, Is32: true, Flags: 0x5000200}, // v7 is what arm means
		"linux/armbe OABI":                 {Machine: elf.EM_ARM, Is32: true, Big: true},
		"linux/riscv64 double float":       {Machine: elf.EM_RISCV, Flags: 0x5},
		"linux/riscv64 soft float":         {Machine: elf.EM_RISCV, Flags: 0x1},
		"linux/riscv RV32E":                {Machine: elf.EM_RISCV, Is32: true, Flags: 0x8},
		"linux/s390x ":                     {Machine: elf.EM_S390, Big: true},
		"linux/s390 ":                      {Machine: elf.EM_S390, Is32: true, Big: true},
		"linux/ppc64le ELFv2":              {Machine: elf.EM_PPC64, Flags: 2},
		"linux/ppc64 ELFv1":                {Machine: elf.EM_PPC64, Big: true, Flags: 1},
		"linux/ppc ":                       {Machine: elf.EM_PPC, Is32: true, Big: true},
		"linux/mips64le legacy NaN":        {Machine: elf.EM_MIPS, Flags: 0x80000000},
		"linux/mips64p32 legacy NaN":       {Machine: elf.EM_MIPS, Is32: true, Big: true, Flags: 0x20},
		"linux/mipsle NaN 2008, release 6": {Machine: elf.EM_MIPS, Is32: true, Flags: 0x90000400},
		"linux/loong64 double float":       {Machine: elf.EM_LOONGARCH, Flags: 3},
		"linux/sparc64 ":                   {Machine: elf.EM_SPARCV9, Big: true},
		"freebsd/amd64 ":                   {OSABI: elf.ELFOSABI_FREEBSD},
		"unknown ":                         {Machine: elf.EM_BPF},
	} {
		f := read(t, exetest.ELF(spec))
		if got := f.Target().Short() + " " + f.ABI; got != want {
			t.Errorf("%+v: %q, want %q", spec, got, want)
		}
	}
}

func TestReadDynamic(t *testing.T) {
	for name, spec := range map[string]exetest.ELFSpec{
		"64":              {Interp: "/lib64/ld-linux-x86-64.so.2", Needed: []string{"libc.so.6", "libm.so.6"}},
		"32":              {Is32: true, Machine: elf.EM_386, Interp: "/lib/ld-linux.so.2", Needed: []string{"libc.so.6"}},
		"big endian":      {Big: true, Machine: elf.EM_S390, Interp: "/lib/ld64.so.1", Needed: []string{"libc.so.6"}},
		"behind the head": {Interp: "/lib/ld.so", Needed: []string{"libc.so.6"}, Level: 2, Pad: 5 << 20},
	} {
		f := read(t, exetest.ELF(spec))
		if f.Interp != spec.Interp || f.NeededUnread || !cmp.Equal(f.Needed, spec.Needed) {
			t.Errorf("%s: %+v", name, f)
		}
		if spec.Level > 0 && f.Target().Variant != fmt.Sprint("v", spec.Level) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	many := make([]string, 2000)
	for i := range many {
		many[i] = fmt.Sprintf("lib%d.so", i)
	}
	if f := read(t, exetest.ELF(exetest.ELFSpec{Needed: many})); !f.NeededUnread || len(f.Needed) != 1024 {
		t.Errorf("%d libraries, %v", len(f.Needed), f.NeededUnread)
	}
}

// armAttributes is a file with section headers at its end, as GNU ld makes it.
func armAttributes(tag byte) []byte {
	data := exetest.ELF(exetest.ELFSpec{Machine: elf.EM_ARM, Is32: true, Flags: 0x5000400})
	data = append(data, make([]byte, 5<<20)...)
	file := append([]byte("\x05cortex\x00\x06"), tag) // Tag_CPU_name, then Tag_CPU_arch
	file = append(binary.LittleEndian.AppendUint32([]byte{1}, uint32(5+len(file))), file...)
	vendor := append([]byte("aeabi\x00"), file...)
	attrs := append([]byte{'A'}, binary.LittleEndian.AppendUint32(nil, uint32(4+len(vendor)))...)
	attrs = append(attrs, vendor...)
	off := len(data)
	data = append(data, attrs...)
	binary.LittleEndian.PutUint32(data[32:], uint32(len(data)))
	binary.LittleEndian.PutUint16(data[46:], 40)
	binary.LittleEndian.PutUint16(data[48:], 1)
	section := make([]byte, 40)
	binary.LittleEndian.PutUint32(section[4:], 0x70000003)
	binary.LittleEndian.PutUint32(section[16:], uint32(off))
	binary.LittleEndian.PutUint32(section[20:], uint32(len(attrs)))
	return append(data, section...)
}

func TestReadARMAttributes(t *testing.T) {
	for tag, want := range map[byte]string{4: "v5", 6: "v6", 10: "v7", 14: "v8", 17: "v6"} {
		if f := read(t, armAttributes(tag)); f.Target().Variant != want {
			t.Errorf("Tag_CPU_arch %d: %q, want %q", tag, f.Target().Variant, want)
		}
	}
}

func TestReadScripts(t *testing.T) {
	for text, want := range map[string][2]string{
		"#!/bin/sh\nexit":                   {"/bin/sh", ""},
		"#! /usr/bin/env  -S python3 -u \n": {"/usr/bin/env", "-S python3 -u"},
		"#!/bin/sh\r\n":                     {"/bin/sh\r", ""},
		"#!\n":                              {"", ""},
		"#!/bin/sh":                         {"/bin/sh", ""},
		"#!" + strings.Repeat("x", 1000):    {strings.Repeat("x", 254), ""},
	} {
		f := read(t, []byte(text))
		if f.Format != exe.Script || f.Interp != want[0] || f.Arg != want[1] || f.String() != "script" {
			t.Errorf("%.40q: %+v", text, f)
		}
	}
}

func TestReadOthers(t *testing.T) {
	fat := []byte("\xca\xfe\xba\xbe\x00\x00\x00\x02")
	for _, cpu := range []uint32{0x01000007, 0x0100000c} {
		fat = append(binary.BigEndian.AppendUint32(fat, cpu), make([]byte, 16)...)
	}
	for want, data := range map[string][]byte{
		"WebAssembly program for wasi/wasm":          []byte("\x00asm\x01\x00\x00\x00"),
		"Mach-O program for darwin/amd64 and 1 more": fat,
		"":                                        []byte("\xca\xfe\xba\xbe\x00\x00\x00\x37 a Java class"),
		"PE program for windows/arm64":            pe(0xaa64, 0, 0),
		"PE library for windows/386 managed":      pe(0x14c, 0x2000, 1),
		"PE library for windows/386":              pe(0x14c, 0x2000, 3), // needs 32 bits
		"PE program for machine 0x200":            pe(0x200, 0, 0),
		"Mach-O object for darwin/ppc":            macho32(18, 1),
		"Mach-O library for an unknown processor": macho32(99, 6),
	} {
		f, got := read(t, data), ""
		if f != nil {
			got = f.String()
			if f.Neutral {
				got += " managed"
			}
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, data := range []string{"", "M", "MZ", "\x7fELF", "\x7fELF\x02\x01", "plain text", "\x00asm"} {
		if f := read(t, []byte(data)); f != nil {
			t.Errorf("%q: %v", data, f)
		}
	}
}

// macho32 is a big-endian header.
func macho32(cpu, typ uint32) []byte {
	var b []byte
	for _, v := range []uint32{0xfeedface, cpu, 0, typ, 0, 0, 0} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// pe is a file of one section; cli are the flags of managed code, if it is that.
func pe(machine, flags uint16, cli uint32) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0x200)
	copy(b, "MZ")
	b[0x3c] = 0x40
	copy(b[0x40:], "PE\x00\x00")
	le.PutUint16(b[0x44:], machine)
	le.PutUint16(b[0x46:], 1)
	le.PutUint16(b[0x54:], 224)
	le.PutUint16(b[0x56:], flags)
	le.PutUint16(b[0x58:], 0x10b)
	section := b[0x58+224:]
	le.PutUint32(section[12:], 0x2000)
	le.PutUint32(section[16:], 0x100)
	le.PutUint32(section[20:], 0x180)
	if cli != 0 {
		le.PutUint32(b[0x58+96+8*14:], 0x2010)
		le.PutUint32(b[0x190+16:], cli)
	}
	return b
}

// A reader is used for many files; what one left does not show in the next.
func TestReaderIsReused(t *testing.T) {
	x := new(exe.Reader)
	big, small := exetest.ELF(exetest.ELFSpec{Interp: "/lib/ld.so", Pad: 1 << 20}), exetest.ELF(exetest.ELFSpec{Machine: elf.EM_AARCH64})
	for _, data := range [][]byte{big, small, []byte("#!/bin/sh\n"), {}, small, big} {
		got, err := x.Read(iotest.OneByteReader(bytes.NewReader(data)), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(read(t, data), got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestReadErrors(t *testing.T) {
	data := exetest.ELF(exetest.ELFSpec{Needed: []string{"a"}, Pad: 5 << 20})
	x := new(exe.Reader)
	for _, n := range []int{0, 100, 1 << 20, 4<<20 + 100} {
		if f, err := x.Read(bytes.NewReader(data[:n]), int64(len(data))); !errors.Is(err, io.ErrUnexpectedEOF) || f != nil {
			t.Errorf("cut at %d: %v, %v", n, f, err)
		}
	}
	broken := errors.New("broken")
	if _, err := x.Read(io.MultiReader(bytes.NewReader(data[:5<<20]), iotest.ErrReader(broken)), int64(len(data))); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestHeader(t *testing.T) {
	for _, a := range []string{"amd64", "386", "arm64", "arm", "riscv64", "s390x", "ppc64le", "mips64le", "loong64"} {
		if f := read(t, exe.Header(a)); f == nil || f.Target() != (arch.Platform{OS: "linux", Architecture: a}) {
			t.Errorf("%s: %v", a, f)
		}
	}
	if h := exe.Header("wasm"); h != nil {
		t.Errorf("wasm: %x", h)
	}
}

func ExampleReader() {
	text := "#!/usr/bin/env python3\n"
	f, err := new(exe.Reader).Read(strings.NewReader(text), int64(len(text)))
	fmt.Println(f, f.Interp, f.Arg, err)
	// Output: script /usr/bin/env python3 <nil>
}
