package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/layers/folder"
	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/open"
)

func newExport(a *app) *cobra.Command {
	var o exportFlags
	cmd := &cobra.Command{
		Use:   "export NAME [-o FILE | --dir DIR]",
		Short: "Write the merged file system of an image as a tar, a folder or a file system image",
		Long: `Write the merged file system of an image: what a container of it would begin with. As a tar to
standard output or a file; into a folder, which must not be there or be empty; or as a SquashFS or
EROFS file, by mksquashfs (4.5 or later) or mkfs.erofs (1.8 or later).

A folder needs no privileges: without them everything belongs to you, devices are left out (exit
code 6), and so are attributes that only root may set. Nothing in the image leads out of the folder.`,
		Example: `  dray export alpine:3.20 -o alpine.tar
  dray export --platform linux/arm64 alpine:3.20 | tar -t
  dray export app.tar --dir rootfs
  dray export app.tar -o app.squashfs`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.export(cmd.Context(), args[0], o) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&o.out, "output", "o", "-", "`file` to write, - for standard output; what ends in .squashfs, .sqsh or .erofs is such a file system")
	fs.StringVar(&o.dir, "dir", "", "`folder` to write into")
	a.platformFlag(fs, "platform to export: os/arch[/variant] or local (default local)")
	a.storeFlags(fs)
	a.networkFlags(fs)
	a.transferFlags(fs)
	return cmd
}

type exportFlags struct{ out, dir string }

func (a *app) export(ctx context.Context, name string, flags exportFlags) error {
	refs, err := a.refs(name)
	if err != nil {
		return err
	}
	if flags.dir != "" && flags.out != "-" {
		return &usageError{errors.New("give -o or --dir, not both")}
	}
	if flags.dir == "" && flags.out == "-" && a.streams.OutIsTerminal {
		return &usageError{errors.New("writing an archive to a terminal: redirect it, or name a file with -o or a folder with --dir")}
	}
	doors, err := a.open()
	if err != nil {
		return err
	}
	src, err := doors.Source(ctx, refs[0])
	if err != nil {
		return err
	}
	img, err := src.Image(ctx)
	if err == nil {
		err = a.exportImage(ctx, src, img, flags)
	}
	return errors.Join(err, src.Close())
}

func (a *app) exportImage(ctx context.Context, src *open.Source, img open.Image, flags exportFlags) error {
	o, err := a.layersOptions(src.Ref)
	if err != nil {
		return err
	}
	if flags.dir != "" {
		return a.exportDir(ctx, src, img, flags.dir, o)
	}
	tarTo := func(w io.Writer) error {
		t := merge.NewTarWriter(w)
		return errors.Join(oneImage(layers.Export(ctx, src, img.Root, t, o)), t.Close())
	}
	switch {
	case flags.out == "-":
		return tarTo(a.streams.Out)
	case layers.FileSystemOf(flags.out) != "":
		return wholeFile(flags.out, func(tmp string) error {
			return layers.MakeFileSystem(ctx, layers.FileSystemOf(flags.out), tmp, os.Environ(), func(w io.Writer) error {
				t := &rooted{TarWriter: merge.NewTarWriter(w)}
				return errors.Join(oneImage(layers.Export(ctx, src, img.Root, t, o)), t.Close())
			})
		})
	}
	return wholeFile(flags.out, func(tmp string) error {
		f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_TRUNC, 0o644)
		if err != nil {
			return err
		}
		return errors.Join(tarTo(f), f.Sync(), f.Close())
	})
}

// rooted is a tar that begins with its root, also where no layer lists it: what makes
// a file system of it would choose mode and time itself.
type rooted struct {
	*merge.TarWriter
	begun bool
}

func (r *rooted) Add(name string, f *merge.File, content io.Reader) error {
	if !r.begun && name != "." {
		if err := r.TarWriter.Add(".", nil, nil); err != nil {
			return err
		}
	}
	r.begun = true
	return r.TarWriter.Add(name, f, content)
}

// wholeFile has write fill a file beside name that gets its name when it is whole.
func wholeFile(name string, write func(tmp string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".dray-")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	tmp := f.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	if err := errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	if err := write(tmp); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

func (a *app) exportDir(ctx context.Context, src *open.Source, img open.Image, dir string, o layers.Options) error {
	var w *folder.Writer
	err := folder.Create(dir, func(root *os.Root) error {
		w = folder.NewWriter(root)
		if err := layers.Export(ctx, src, img.Root, w, o); err != nil {
			return oneImage(err)
		}
		return w.Finish()
	})
	if err != nil {
		return err
	}
	if !folder.KeepsOwners() {
		if err := a.note("everything in "+dir+" belongs to you: only root can give files to others", ""); err != nil {
			return err
		}
	}
	if n := len(w.Attributes); n > 0 {
		if err := a.note(fmt.Sprintf("attributes could not be set on %s: %s", plural(n, "file"), some(w.Attributes)), ""); err != nil {
			return err
		}
	}
	if n := len(w.Devices); n > 0 {
		return &partlyError{fmt.Errorf("%d devices could not be made in %s: %s", n, dir, some(w.Devices))}
	}
	return nil
}

// some are the first of many names.
func some(names []string) string {
	const most = 5
	text := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		text += ", …"
	}
	return text
}
