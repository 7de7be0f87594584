package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// send is what no tool that pushes can do without: it sends every file of a layout's
// blobs to a repository, four at a time, the largest first, in two requests each,
// and neither asks nor hashes. Documents are sent as blobs too, and nothing is named.
func send(ctx context.Context, layout, image string) error {
	host, rest, _ := strings.Cut(image, "/")
	repository, _, _ := strings.Cut(rest, ":")
	dir := filepath.Join(layout, "blobs", "sha256")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	sizes := map[string]int64{}
	var names []string
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil {
			return err
		}
		names, sizes[e.Name()] = append(names, e.Name()), fi.Size()
	}
	slices.SortFunc(names, func(a, b string) int { return int(min(1, max(-1, sizes[b]-sizes[a]))) })
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, name := range names {
		g.Go(func() error {
			return sendOne(gctx, "http://"+host+"/v2/"+repository+"/blobs/uploads/", filepath.Join(dir, name), name, sizes[name])
		})
	}
	return g.Wait()
}

func sendOne(ctx context.Context, uploads, path, hex string, size int64) error {
	resp, err := do(ctx, http.MethodPost, uploads, nil, 0)
	if err != nil {
		return err
	}
	at, err := resp.Location()
	if err != nil {
		return err
	}
	q := at.Query()
	q.Set("digest", "sha256:"+hex)
	at.RawQuery = q.Encode()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = do(ctx, http.MethodPut, at.String(), f, size) // which closes f
	return err
}

// do asks, and wants no more of the answer than that it is good.
func do(ctx context.Context, method, url string, body *os.File, size int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Body, req.ContentLength = body, size
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		return nil, errors.Join(fmt.Errorf("%s %s: %s", method, url, resp.Status), resp.Body.Close())
	}
	return resp, resp.Body.Close()
}
