package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestEngines carries images between the real engines that .ci/engines starts,
// and is skipped without them. $IMAGE and $INDEX are in its first registry.
func TestEngines(t *testing.T) {
	if os.Getenv("DRAY_TEST_REGISTRY") == "" {
		if os.Getenv("DRAY_TEST_ENGINES") == "required" {
			t.Fatal("engines are required, and DRAY_TEST_REGISTRY is not set")
		}
		t.Skip("run .ci/engines go test -run TestEngines ./cmd/dray")
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "engines"),
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, ".home")
			if err := os.Mkdir(home, 0o700); err != nil {
				return err
			}
			for _, v := range os.Environ() {
				if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "DRAY_TEST_") {
					e.Setenv(name, value)
				}
			}
			e.Setenv("HOME", home)
			e.Setenv("DRAY_HOME", filepath.Join(home, "dray"))
			e.Setenv("DRAY_PROGRESS", "none")
			e.Setenv("DOCKER_HOST", os.Getenv("DRAY_TEST_DOCKER_HOST"))
			e.Setenv("IMAGE", os.Getenv("DRAY_TEST_IMAGE"))
			e.Setenv("INDEX", os.Getenv("DRAY_TEST_INDEX"))
			e.Setenv("REGISTRY", os.Getenv("DRAY_TEST_REGISTRY"))
			e.Setenv("REGISTRY2", os.Getenv("DRAY_TEST_REGISTRY2"))
			e.Setenv("TMPDIR", os.Getenv("DRAY_TEST_DIR"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"layout":    layout,
			"exitcode":  exitCode,
			"listening": listening,
			"awkward":   awkward,
			"listing":   listing,
			"sign":      sign,
		},
		RequireUniqueNames: true,
	})
}
