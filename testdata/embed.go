// Package testdata holds the image that the demo and the tests carry about:
// an OCI image layout with one index of three platforms, whose programs run.
//
// The go command leaves folders of this name out of ./..., so it is built and
// tested by name: go test ./testdata ./testdata/gen.
package testdata

import "embed"

//go:generate go run ./gen -o hello

// Hello is an OCI image layout under the folder "hello". Its index.json has one
// entry, tagged "1.0": an index of linux/amd64, linux/arm64 and linux/arm/v7.
// Every platform has two gzip layers, the first the same for all, the second
// with its own static /hello, which prints "hello from " and the platform.
// It is a few kilobytes in all; its bytes change only with the generator.
//
//go:embed all:hello
var Hello embed.FS
