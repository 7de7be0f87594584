package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
)

func newCat(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cat NAME PATH",
		Short: "Print one file of an image",
		Long: `Print one file of an image, byte for byte, links followed. Layers are read from the top, and no
more of them than it takes to find the file; nothing is printed before its layer was verified.`,
		Example: `  dray cat alpine:3.20 /etc/os-release
  dray cat --platform linux/arm64 ghcr.io/org/app:1.4 usr/local/bin/app > app
  dray cat app.tar etc/passwd`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.cat(cmd.Context(), args[0], args[1]) },
	}
	fs := cmd.Flags()
	a.platformFlag(fs, "platform to take it from: os/arch[/variant] or local (default local)")
	a.lookFlags(fs)
	return cmd
}

// maxShownBytes is how much of a file is held to be made harmless for a terminal.
const maxShownBytes = 16 << 20

func (a *app) cat(ctx context.Context, name, path string) error {
	return a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
		o, err := a.layersOptions(src.Ref)
		if err != nil {
			return err
		}
		if !a.streams.OutIsTerminal {
			return absent(name, path, layers.Cat(ctx, src, img.Root, path, a.streams.Out, o))
		}
		var buf limitedBuffer
		if err := layers.Cat(ctx, src, img.Root, path, &buf, o); err != nil {
			return absent(name, path, err)
		}
		return a.streams.Verbatim(buf.Bytes())
	})
}

// absent adds to err how to see what the image called name has instead of file.
func absent(name, file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		dir := path.Dir(path.Clean("/" + file))
		return &hintedError{err, fmt.Sprintf("dray files %s %s lists what is there", ui.Quote(name), ui.Quote(dir))}
	}
	return oneImage(err)
}

// A limitedBuffer takes no more than anybody reads on a terminal.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxShownBytes {
		return 0, errors.New("it is too large for a terminal: redirect it")
	}
	return b.Buffer.Write(p)
}
