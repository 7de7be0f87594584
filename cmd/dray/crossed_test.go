package main

import (
	"context"
	"encoding/json"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/ocidir"
)

// crossed lays an index there whose first two entries have each other's platform.
func crossed(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: crossed DIR")
	}
	layout(ts, false, args)
	ctx, dir := context.Background(), ocidir.New(ts.MkAbs(args[0]), nil)
	root, err := dir.Resolve(ctx, "1.0")
	ts.Check(err)
	doc, err := place.ReadManifest(ctx, dir, root)
	ts.Check(err)
	entries := doc.Index.Manifests
	entries[0].Platform, entries[1].Platform = entries[1].Platform, entries[0].Platform
	raw, err := json.Marshal(doc.Index)
	ts.Check(err)
	d := manifest.Describe(root.MediaType, raw)
	ts.Check(dir.Put(ctx, d, blob.Bytes(raw)))
	ts.Check(dir.Commit(ctx, d, "1.0"))
	ts.Check(dir.Close())
}
