package layers_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/compress"
)

// benchImage has three layers of 3,000 files, a third of which the next layer hides.
func benchImage(b *testing.B) (*made, v1.Descriptor, layers.Options) {
	m := newMade(b)
	var all []string
	for l := range 3 {
		var names []string
		for i := range 3000 {
			names = append(names, fmt.Sprintf("usr/lib/python3/dist-packages/p%d/module%d:%s", i/30, i+2000*l, strings.Repeat("x", 2000)))
		}
		all = append(all, strings.Join(names, " "))
	}
	root := m.image("linux/amd64", v1.Config{}, all...)
	return m, root, layers.Options{Host: host, TempDir: b.TempDir()}
}

func bench(b *testing.B, run func(ctx context.Context, bench *layers.Bench, root v1.Descriptor, o layers.EditOptions) error) {
	m, root, o := benchImage(b)
	for b.Loop() {
		on := layers.NewBench(m, o.TempDir)
		if err := run(b.Context(), on, root, layers.EditOptions{Options: o}); err != nil {
			b.Fatal(err)
		}
		if err := on.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	dir := folderOf(b, "usr/lib/python3/dist-packages/new:1")
	add := additions(b, dir+":/")
	bench(b, func(ctx context.Context, on *layers.Bench, root v1.Descriptor, o layers.EditOptions) error {
		_, err := on.Append(ctx, root, layers.AppendOptions{EditOptions: o, Add: add, Compress: compress.Gzip, Time: time.Unix(0, 0)})
		return err
	})
}

func BenchmarkFlatten(b *testing.B) {
	bench(b, func(ctx context.Context, on *layers.Bench, root v1.Descriptor, o layers.EditOptions) error {
		_, err := on.Flatten(ctx, root, layers.FlattenOptions{EditOptions: o, Compress: compress.Gzip})
		return err
	})
}

func BenchmarkFiles(b *testing.B) {
	bench(b, func(ctx context.Context, on *layers.Bench, root v1.Descriptor, o layers.EditOptions) error {
		_, err := layers.Files(ctx, on, root, layers.FilesOptions{Options: o.Options})
		return err
	})
}

func BenchmarkDiff(b *testing.B) {
	bench(b, func(ctx context.Context, on *layers.Bench, root v1.Descriptor, o layers.EditOptions) error {
		_, err := layers.Diff(ctx, on, root, on, root, layers.DiffOptions{Options: o.Options})
		return err
	})
}

func BenchmarkExport(b *testing.B) {
	bench(b, func(ctx context.Context, on *layers.Bench, root v1.Descriptor, o layers.EditOptions) error {
		var buf bytes.Buffer
		return layers.Export(ctx, on, root, merge.NewTarWriter(&buf), o.Options)
	})
}
