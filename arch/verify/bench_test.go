package verify_test

import (
	"fmt"
	"testing"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// BenchmarkRun reads an image of four layers with 400 programs of 256 KiB: reading,
// hashing and decompressing should be nearly all of it, so that "all" costs little more
// than "none".
func BenchmarkRun(b *testing.B) {
	s := newStore(b)
	sp := spec{config: "linux/amd64", start: started("/bin/p0")}
	var bytes int64
	for layer := range 4 {
		var files []file
		for i := range 100 {
			data := append(dynamic(glibc, "libc.so.6"), placetest.Random(256<<10, uint64(layer*100+i))...)
			files = append(files, program(fmt.Sprintf("bin/p%d", layer*100+i), data))
			bytes += int64(len(data))
		}
		sp.layers = append(sp.layers, files)
	}
	root := s.images(sp)
	for _, what := range []verify.Binaries{verify.None, verify.Entrypoint, verify.All} {
		b.Run(string(what), func(b *testing.B) {
			b.SetBytes(bytes)
			b.ReportAllocs()
			for b.Loop() {
				s.run(root, verify.Options{Binaries: what})
			}
		})
	}
}
