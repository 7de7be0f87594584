package layers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/dray-oci/dray/pkg/place"
)

// FileSystemOf is the kind of file system that a file's name ends like: squashfs,
// erofs, or empty for none.
func FileSystemOf(name string) string {
	switch {
	case strings.HasSuffix(name, ".squashfs"), strings.HasSuffix(name, ".sqsh"):
		return "squashfs"
	case strings.HasSuffix(name, ".erofs"):
		return "erofs"
	}
	return ""
}

// MakeFileSystem writes the tar that content writes as a file system of that kind to
// name, by the tool that the system has for it, which runs with environ. Equal tars
// give equal files as far as the tool does its part. The error wraps
// [exec.ErrNotFound] if there is no tool.
func MakeFileSystem(ctx context.Context, kind, name string, environ []string, content func(io.Writer) error) (err error) {
	tool, args := "mksquashfs", []string{"-", name, "-tar", "-noappend", "-quiet", "-no-progress", "-mkfs-time", "0", "-root-time", "0", "-root-mode", "0755", "-root-uid", "0", "-root-gid", "0"}
	if kind == "erofs" {
		// The UUID is by chance unless it is given. Files keep their times.
		tool, args = "mkfs.erofs", []string{"--quiet", "-T0", "--mkfs-time", "-U", "00000000-0000-0000-0000-000000000000", "--tar=f", name}
	}
	path, err := exec.LookPath(tool)
	if err != nil {
		return &toolError{tool, errors.Join(err, place.ErrUnsupported)}
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	for _, kv := range environ {
		if !strings.HasPrefix(kv, "SOURCE_DATE_EPOCH=") { // mksquashfs will not have it beside -mkfs-time
			cmd.Env = append(cmd.Env, kv)
		}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("running %s: %w", tool, err)
	}
	werr := errors.Join(content(in), in.Close())
	if err := cmd.Wait(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return &toolError{tool, fmt.Errorf("running %s: %w: %.300s", tool, err, first)}
	}
	return werr
}

// A toolError says that a program is not installed, or did not do it.
type toolError struct {
	tool string
	error
}

func (e *toolError) Unwrap() error { return e.error }

// Hint says which version does.
func (e *toolError) Hint() string {
	if e.tool == "mkfs.erofs" {
		return "install erofs-utils, 1.8 or later"
	}
	return "install squashfs-tools, 4.5 or later"
}
