// Package exetest makes real executables for tests with the Go cross compiler, and
// headers of other machines by hand.
package exetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dray-oci/dray/arch"
)

// Platforms are those that [Build] is used for, smallest set that has every rule.
func Platforms() []string {
	return []string{
		"linux/amd64", "linux/amd64/v3", "linux/arm64", "linux/arm/v6", "linux/arm/v7", "linux/386",
		"linux/riscv64", "linux/s390x", "linux/ppc64le", "windows/amd64",
	}
}

var (
	mu    sync.Mutex
	built = map[string]func() ([]byte, error){}
)

// Build returns a program that does nothing on platform, which is built once a process.
// It skips the test with -short.
func Build(t testing.TB, platform string) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip("the cross compiler takes seconds")
	}
	mu.Lock()
	once, ok := built[platform]
	if !ok {
		once = sync.OnceValues(func() ([]byte, error) { return build(platform) })
		built[platform] = once
	}
	mu.Unlock()
	data, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func build(platform string) ([]byte, error) {
	p, err := arch.Parse(platform)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "exetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	src := filepath.Join(dir, "main.go")
	if err := os.WriteFile(src, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "out"), src)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Architecture, "GOFLAGS=-buildvcs=false")
	if level := strings.TrimPrefix(p.Variant, "v"); p.Architecture == "arm" {
		cmd.Env = append(cmd.Env, "GOARM="+level)
	} else if p.Architecture == "amd64" && level != "" {
		cmd.Env = append(cmd.Env, "GOAMD64=v"+level)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, &buildError{platform, string(out), err}
	}
	return os.ReadFile(filepath.Join(dir, "out"))
}

type buildError struct {
	platform, output string
	err              error
}

func (e *buildError) Error() string {
	return "building for " + e.platform + ": " + e.output + e.err.Error()
}
func (e *buildError) Unwrap() error { return e.err }
