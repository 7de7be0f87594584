package mirror_test

import (
	"fmt"
	"testing"

	"github.com/dray-oci/dray/pkg/mirror"
)

// TestShardsAreAllOfIt: whatever their number, each name is in exactly one of them.
func TestShardsAreAllOfIt(t *testing.T) {
	for _, of := range []int{1, 2, 3, 7, 64} {
		count := make([]int, of)
		for i := range 2000 {
			name := fmt.Sprintf("docker.io/library/app%d:1.%d", i%40, i)
			in := 0
			for j := range of {
				s, err := mirror.ParseShard(fmt.Sprintf("%d/%d", j, of))
				if err != nil {
					t.Fatal(err)
				}
				if s.Has(name) {
					in++
					count[j]++
				}
			}
			if in != 1 {
				t.Fatalf("%s is in %d of %d shards", name, in, of)
			}
		}
		for j, n := range count {
			if mean := 2000 / of; n < mean/3 || n > mean*3 {
				t.Errorf("%d of 2000 are in shard %d/%d", n, j, of)
			}
		}
	}
}

// TestShardStays: the division is part of the contract. The first eight bytes of
// printf %s docker.io/library/alpine:3.20 | sha256sum are 75be9c490b21b793.
func TestShardStays(t *testing.T) {
	for of := 1; of < 50; of++ {
		want := int(uint64(0x75be9c490b21b793) % uint64(of))
		if s := (mirror.Shard{Index: want, Of: of}); !s.Has("docker.io/library/alpine:3.20") {
			t.Errorf("not in %s", s)
		}
	}
}

func TestParseShard(t *testing.T) {
	for _, s := range []string{"3/3", "-1/3", "1", "1/0", "a/3", "0/10001", "0/3/1", " 0/3"} {
		if got, err := mirror.ParseShard(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
	if s, err := mirror.ParseShard(""); err != nil || !s.Has("anything") || s.String() != "" {
		t.Errorf("no shard: %v, %v", s, err)
	}
}
