package floors

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dray-oci/dray"

// beside marks rooms beside the house: they may import any floor, no floor imports them.
const beside = 9

type room struct {
	floor   int
	imports []string // third-party modules beyond those that every room may use
}

var everywhere = []string{
	"github.com/google/go-containerregistry/pkg/v1",
	"github.com/google/go-containerregistry/pkg/v1/types",
	"github.com/opencontainers/go-digest",
	"golang.org/x/sync/errgroup",
}

var rooms = map[string]room{
	"arch":              {0, []string{"github.com/containerd/platforms", "github.com/klauspost/cpuid/v2", "github.com/opencontainers/image-spec", "golang.org/x/sys"}},
	"pkg/ref":           {floor: 0},
	"pkg/event":         {floor: 0},
	"pkg/memo":          {floor: 0},
	"pkg/internal/disk": {0, []string{"golang.org/x/sys"}},
	"pkg/config":        {0, []string{"github.com/containers/image/v5", "golang.org/x/sys"}},
	"pkg/blob":          {1, []string{"golang.org/x/sys"}},
	"pkg/compress":      {1, []string{"github.com/klauspost"}},
	"pkg/tario":         {floor: 1},
	"pkg/manifest":      {floor: 1},
	"pkg/delta/encoder": {1, []string{"github.com/klauspost"}},
	"pkg/delta/tokens":  {floor: 1},

	"pkg/delta/encoder/internal/goflate":  {floor: 0},
	"pkg/delta/encoder/internal/kpflate":  {floor: 0},
	"pkg/delta/encoder/internal/zdeflate": {floor: 0},

	"pkg/place":          {floor: 2},
	"pkg/image":          {floor: 2},
	"pkg/delta":          {3, []string{"github.com/klauspost/compress/zstd"}},
	"pkg/list":           {floor: 2},
	"pkg/layout":         {3, []string{"github.com/gofrs/flock", "golang.org/x/sys"}},
	"pkg/parts":          {3, []string{"github.com/klauspost/reedsolomon"}},
	"pkg/place/registry": {floor: 4},

	"pkg/place/registry/internal/guard": {floor: 0},
	"pkg/place/registry/internal/auth":  {floor: 0},
	"pkg/place/registry/internal/wire":  {floor: 3},

	"pkg/place/ocidir":   {floor: 4},
	"pkg/place/archive":  {4, []string{"github.com/gofrs/flock", "golang.org/x/sys"}},
	"pkg/place/engine":   {floor: 4},
	"pkg/place/daemon":   {floor: 4},
	"pkg/place/cstorage": {floor: 4},
	"pkg/place/store":    {4, []string{"github.com/gofrs/flock"}},
	"pkg/place/mem":      {floor: 4},
	"pkg/place/far":      {floor: 4},
	"pkg/place/wrap":     {4, []string{"golang.org/x/time"}},
	"pkg/transfer":       {floor: 4},
	"pkg/inspect":        {floor: 4},
	"pkg/bundle":         {floor: 4},
	"pkg/mirror":         {4, []string{"github.com/Masterminds/semver/v3", "go.yaml.in/yaml/v3"}},
	"pkg/serve":          {4, []string{"golang.org/x/crypto/bcrypt"}},
	"arch/verify":        {floor: 4},
	"layers":             {4, []string{"github.com/moby/patternmatcher"}},
	"layers/merge":       {floor: 2},
	"layers/settings":    {floor: 2},
	"layers/toc":         {floor: 2},
	"layers/folder":      {3, []string{"golang.org/x/sys"}},

	"arch/verify/internal/exe":     {floor: 2},
	"arch/verify/internal/rootfs":  {floor: 3},
	"arch/verify/internal/exetest": {floor: beside},
	"arch/verify/binfmt":           {floor: 3},
	"arch/verify/cuda":             {floor: 3},
	"pkg/open":                     {floor: 5},
	"cmd/dray/internal/ui":         {6, []string{"golang.org/x/term", "github.com/vbauerster/mpb", "github.com/docker/go-units", "golang.org/x/sys"}},
	"cmd/dray/internal/cli":        {7, []string{"github.com/moby/patternmatcher", "github.com/spf13", "golang.org/x/term", "github.com/docker/go-units", "github.com/google/go-containerregistry/pkg/registry"}},
	"cmd/dray":                     {floor: 8},
	"testdata":                     {floor: 0},
	"testdata/gen":                 {beside, []string{"github.com/klauspost"}},
	"pkg/place/placetest":          {beside, []string{"github.com/google/go-cmp"}},
	"pkg/internal/floors":          {floor: beside},
	"bench":                        {beside, []string{"github.com/klauspost", "github.com/docker/go-units"}},
}

func TestFloors(t *testing.T) {
	for path, imports := range packages(t) {
		self, ok := rooms[path]
		if !ok {
			t.Errorf("%s is not in the table", path)
			continue
		}
		for _, imp := range imports {
			if inner, ours := strings.CutPrefix(imp, module+"/"); ours {
				if rooms[inner].floor >= self.floor {
					t.Errorf("%s (floor %d) imports %s (floor %d)", path, self.floor, inner, rooms[inner].floor)
				}
			} else if isThirdParty(imp) && !allowed(self, imp) {
				t.Errorf("%s imports %s", path, imp)
			}
		}
	}
}

// packages returns what every package of the module imports, tests left out.
func packages(t *testing.T) map[string][]string {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	pkgs := map[string][]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[strings.TrimPrefix(p.ImportPath, module+"/")] = p.Imports
	}
}

func isThirdParty(imp string) bool { return strings.Contains(strings.Split(imp, "/")[0], ".") }

func allowed(r room, imp string) bool {
	return slices.Contains(everywhere, imp) || slices.ContainsFunc(r.imports, func(p string) bool {
		return imp == p || strings.HasPrefix(imp, p+"/")
	})
}
