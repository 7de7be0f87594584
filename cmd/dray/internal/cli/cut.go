package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/ref"
)

// partsFlags say how an archive is cut.
type partsFlags struct {
	archive.Parts
	size   byteSize
	parity natural
}

// partsFlags are for commands that may write an archive in parts.
func (a *app) partsFlags(fs *pflag.FlagSet) {
	fs.Var(&a.o.parts.size, "part-size", "cut an archive into parts of at most that `size`: 4000M, 4GB, 3900MiB")
	fs.Var(&a.o.parts.parity, "parity", "with --part-size: how many lost or damaged parts can be rebuilt, at the cost of as many more files")
}

// cutInto checks how the archive at to is to be cut. Only, if it is not empty, are the
// parts to write; their size is that of the document that is there, if it is not given.
func (a *app) cutInto(to ref.Ref, only string) error {
	wrong := func(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }
	p := &a.o.parts
	p.Size, p.Parity = int64(p.size), int(p.parity)
	var err error
	if only != "" {
		if p.Only, err = parseParts(only); err != nil {
			return wrong("--only-parts %q: %w", only, err)
		}
		if p.Size == 0 {
			if p.Size, err = knownPartSize(to.Path); err != nil {
				return err
			}
		}
	}
	switch {
	case p.Size == 0 && p.Parity > 0:
		return wrong("--parity goes with --part-size")
	case p.Size == 0:
		return nil
	case p.Parity > 0 && only != "":
		return wrong("--parity is for a whole set: dray parts repair makes lost parity again")
	case p.Parity >= parts.MaxShards:
		return wrong("--parity %d: a set has at most %d files, parity included", p.Parity, parts.MaxShards)
	case isFolder(to.Path), to.Kind != ref.Path && to.Kind != ref.OCIArchive && to.Kind != ref.DockerArchive, to.Path == "-":
		return wrong("--part-size: %s is no archive file: only such a one is cut", to)
	case archive.Packing(to.Path) != compress.None:
		return &usageError{&hintedError{fmt.Errorf("--part-size: %s would be compressed as a whole, and is not cut then", to), "leave the ending out: the layers are compressed already"}}
	}
	if _, isPart := parts.Find(to.Path); isPart {
		return &usageError{&hintedError{fmt.Errorf("--part-size: %s names a part", to), "name the file that the parts make up: x.tar"}}
	}
	return nil
}

func isFolder(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

func knownPartSize(path string) (int64, error) {
	doc, _, err := parts.Read(parts.Index(path))
	if errors.Is(err, place.ErrNotFound) {
		return 0, &usageError{fmt.Errorf("--only-parts: there is no %s: say with --part-size how it was cut", parts.Index(path))}
	}
	if err != nil {
		return 0, fmt.Errorf("reading parts: %w", err)
	}
	return doc.PartSize, nil
}

// parseParts reads a list as 3,5-7.
func parseParts(s string) (numbers []int, err error) {
	for item := range strings.SplitSeq(s, ",") {
		low, high, isRange := strings.Cut(item, "-")
		a, err := strconv.Atoi(low)
		b := a
		if isRange && err == nil {
			b, err = strconv.Atoi(high)
		}
		if err != nil || a < 1 || b < a || b > parts.MaxShards {
			return nil, fmt.Errorf("%q is no part: write 3 or 5-7, from 1 to %d", item, parts.MaxShards)
		}
		for n := a; n <= b; n++ {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}
