package main

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/placetest"
	dray "github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
)

// sign gives an image at a registry what belongs to it.
func sign(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 || len(args) > 2 || len(args) == 2 && args[1] != "lost" {
		ts.Fatalf("usage: sign NAME [lost]")
	}
	ctx, t := context.Background(), fatal{ts: ts}
	n, err := ref.ParseName(args[0])
	ts.Check(err)
	client := dray.NewClient(dray.Options{})
	repo := client.Repo(n)
	root, err := repo.Resolve(ctx, "")
	ts.Check(err)
	attach := func(c placetest.Content, subject v1.Descriptor, names ...string) {
		for _, d := range c.Order {
			ts.Check(repo.Put(ctx, d, blob.Bytes(c.Bytes[d.Digest])))
		}
		d := c.Root
		d.Annotations = map[string]string{place.AnnotationSubject: subject.Digest.String()}
		ts.Check(repo.Commit(ctx, d, names...))
	}
	const signature = 2 // of cosign's tags
	attach(placetest.Signature(t, v1.Descriptor{}, "signed"), root, manifest.CosignTags(root.Digest)[signature])
	sbom := placetest.Signature(t, root, "an SBOM")
	attach(sbom, root)
	attach(placetest.Signature(t, v1.Descriptor{}, "signed too"), sbom.Root, manifest.CosignTags(sbom.Root.Digest)[signature])
	if len(args) == 2 {
		lost := placetest.Signature(t, root, "lost")
		lost.Order = lost.Order[len(lost.Order)-1:]
		attach(lost, root)
	}
	ts.Check(client.Close())
}
