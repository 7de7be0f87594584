package exe_test

import (
	"bytes"
	"debug/elf"
	"testing"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/exetest"
)

// No input breaks the reader, and where the standard library understands an ELF file,
// both name the same machine.
func FuzzELF(f *testing.F) {
	f.Add(exetest.ELF(exetest.ELFSpec{Interp: "/lib/ld.so", Needed: []string{"libc.so.6"}, Level: 2}))
	f.Add(exetest.ELF(exetest.ELFSpec{Machine: elf.EM_S390, Big: true, Interp: "/lib/ld.so"}))
	f.Add(exetest.ELF(exetest.ELFSpec{Machine: elf.EM_ARM, Is32: true, Needed: []string{"a", "b"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := read(t, data)
		oracle, err := elf.NewFile(bytes.NewReader(data))
		if err == nil && (got == nil || got.Format == exe.ELF && got.Machine != oracle.Machine.String()) {
			t.Errorf("%v, want %v", got, oracle.Machine)
		}
	})
}

func FuzzPE(f *testing.F) {
	f.Add(pe(0x14c, 0x2000, 1))
	f.Add(pe(0x8664, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) { read(t, data) })
}

func FuzzMachO(f *testing.F) {
	f.Add(macho32(18, 1))
	f.Add([]byte("\xca\xfe\xba\xbe\x00\x00\x00\x01\x01\x00\x00\x07aaaabbbbccccdddd"))
	f.Fuzz(func(t *testing.T, data []byte) { read(t, data) })
}

// Reading is paid for every executable of an image.
func BenchmarkRead(b *testing.B) {
	data := exetest.ELF(exetest.ELFSpec{Interp: "/lib/ld.so", Needed: []string{"libc.so.6"}, Pad: 200 << 10})
	x, r := new(exe.Reader), bytes.NewReader(nil)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(data)
		if _, err := x.Read(r, int64(len(data))); err != nil {
			b.Fatal(err)
		}
	}
}
