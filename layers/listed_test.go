package layers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
)

// ranged counts how often a blob is opened whole, and how often in part.
type ranged struct {
	*mem.Place
	whole, parts map[v1.Hash]int
}

func (r *ranged) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	r.whole[d.Digest]++
	return r.Place.Open(ctx, d)
}

func (r *ranged) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	r.parts[d.Digest]++
	return r.Place.OpenRange(ctx, d, offset, length)
}

// TestCatListed: of a far layer with a table of contents no more is read than that and
// the file; where the table is no good, all of it.
func TestCatListed(t *testing.T) {
	dir := filepath.Join("..", "arch", "verify", "testdata")
	var annotations map[string]map[string]string
	known, err := os.ReadFile(filepath.Join(dir, "annotations.json"))
	if err := errors.Join(err, json.Unmarshal(known, &annotations)); err != nil {
		t.Fatal(err)
	}
	for name, mt := range map[string]types.MediaType{"estargz.tar.gz": types.OCILayer, "chunked.tar.zst": types.OCILayerZStd} {
		for _, good := range []bool{true, false} {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			m := newMade(t)
			layer := m.put(mt, raw)
			layer.Annotations = annotations[name]
			if !good {
				for k := range layer.Annotations {
					layer.Annotations[k] = "480:399:1028:2"
				}
			}
			z, err := compress.NewReader(bytes.NewReader(raw), compress.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			config := m.json(types.OCIConfigJSON, v1.ConfigFile{
				OS: "linux", Architecture: "arm64", RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{manifest.Describe("", plain).Digest}},
			})
			root := m.json(types.OCIManifestSchema1, v1.Manifest{
				SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{layer},
			})
			src := &ranged{m.Place, map[v1.Hash]int{}, map[v1.Hash]int{}}
			o := options(t, nil)
			o.Spool = true
			var script, linked, empty bytes.Buffer
			err = errors.Join(
				layers.Cat(t.Context(), src, root, "/bin/run", &script, o),
				layers.Cat(t.Context(), src, root, "/bin/link", &linked, o),
				layers.Cat(t.Context(), src, root, "etc/empty", &empty, o),
			)
			if err != nil || script.String() != "#!/opt/app\n" || linked.Len() != 21064 || empty.Len() > 0 {
				t.Errorf("%s: %q, %d bytes, %v", name, script.String(), linked.Len(), err)
			}
			if (src.whole[layer.Digest] == 0) != good || (src.parts[layer.Digest] > 0) != good && name == "chunked.tar.zst" {
				t.Errorf("%s: opened %d times whole, %d in part", name, src.whole[layer.Digest], src.parts[layer.Digest])
			}
			if err := layers.Cat(t.Context(), src, root, "/none", io.Discard, o); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, place.ErrNotFound) {
				t.Error(err)
			}
		}
	}
}
