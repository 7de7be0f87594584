package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goPeers are built through the Go proxy, each alone with the versions that its
// own go.mod wants.
var goPeers = []struct{ name, module, version, pkg string }{
	{"crane", "github.com/google/go-containerregistry", "v0.21.5", "/cmd/crane"},
	{"regctl", "github.com/regclient/regclient", "v0.11.1", "/cmd/regctl"},
	{"oras", "oras.land/oras", "v1.3.2", "/cmd/oras"},
}

// debianPeers are installed, or left out.
var debianPeers = []string{"skopeo", "umoci"}

// peers builds what is not in dir yet, and dray anew unless it is given. It
// returns the path of each tool.
func peers(ctx context.Context, dir, dray string) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	tools := map[string]string{"dray": dray}
	if dray == "" {
		tools["dray"] = filepath.Join(dir, "dray")
		if err := command(ctx, "", "go", "build", "-trimpath", "-o", tools["dray"], "github.com/dray-oci/dray/cmd/dray"); err != nil {
			return nil, err
		}
	}
	for _, p := range goPeers {
		path := filepath.Join(dir, p.name+"-"+p.version)
		if _, err := os.Stat(path); err != nil {
			if err := buildPeer(ctx, path, p.module, p.version, p.module+p.pkg); err != nil {
				return nil, fmt.Errorf("building %s: %w", p.name, err)
			}
		}
		tools[p.name] = path
	}
	for _, name := range debianPeers {
		if path, err := exec.LookPath(name); err == nil {
			tools[name] = path
		}
	}
	return tools, nil
}

// buildPeer builds pkg in a module of its own. Checksums are held against the
// public database by the go command.
func buildPeer(ctx context.Context, path, module, version, pkg string) error {
	dir, err := os.MkdirTemp("", "dray-bench-peer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mod := fmt.Sprintf("module peer\n\ngo 1.26\n\nrequire %s %s\n", module, version)
	src := fmt.Sprintf("//go:build never\n\npackage peer\n\nimport _ %q\n", pkg)
	for name, content := range map[string]string{"go.mod": mod, "peer.go": src} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return command(ctx, dir, "go", "build", "-mod=mod", "-trimpath", "-o", path, pkg)
}

func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
