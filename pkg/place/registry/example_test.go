package registry_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
)

func Example() {
	server := httptest.NewServer(embedded())
	defer server.Close()
	name, err := ref.ParseName(strings.TrimPrefix(server.URL, "http://") + "/hello/world:1.0")
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	client := registry.NewClient(registry.Options{})
	defer client.Close()
	repo := client.Repo(name)
	defer repo.Close()

	// Children before what names them, the name last of all.
	config := manifest.Describe("application/vnd.example.greeting", []byte("hello"))
	raw := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",`+
		`"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[]}`, config.MediaType, config.Digest, config.Size)
	root := manifest.Describe("application/vnd.oci.image.manifest.v1+json", raw)
	if err := repo.Put(ctx, config, blob.Bytes([]byte("hello"))); err != nil {
		panic(err)
	}
	if err := repo.Put(ctx, root, blob.Bytes(raw)); err != nil {
		panic(err)
	}
	if err := repo.Commit(ctx, root, "1.0"); err != nil {
		panic(err)
	}

	found, err := repo.Resolve(ctx, "1.0")
	if err != nil {
		panic(err)
	}
	doc, err := place.ReadManifest(ctx, repo, found)
	if err != nil {
		panic(err)
	}
	greeting, err := repo.Open(ctx, doc.Image.Config)
	if err != nil {
		panic(err)
	}
	defer greeting.Close()
	if _, err := blob.Copy(ctx, os.Stdout, greeting); err != nil {
		panic(err)
	}
	// Output: hello
}
