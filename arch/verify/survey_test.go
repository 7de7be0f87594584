package verify_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/arch/verify/binfmt"
	"github.com/dray-oci/dray/arch/verify/cuda"
	"github.com/dray-oci/dray/pkg/place"
)

func survey(t *testing.T, s *store, root v1.Descriptor) *verify.Survey {
	t.Helper()
	v, err := verify.TakeSurvey(t.Context(), s, root, "test")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSurvey(t *testing.T) {
	s := newStore(t)
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a := app("", "linux/amd64", "amd64")
	a.changeConfig = func(c *v1.ConfigFile) { c.Created = v1.Time{Time: created} }
	amd, win := s.image(a), s.image(spec{config: "windows/amd64:10.0.17763.1"})
	statement := s.put("application/vnd.in-toto+json", []byte("{}"))
	statement.Annotations = map[string]string{"in-toto.io/predicate-type": "https://spdx.dev/Document"}
	attestation := s.putJSON(types.OCIManifestSchema1, v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: s.put(types.OCIConfigJSON, []byte("{}")), Layers: []v1.Descriptor{statement}})
	attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{"vnd.docker.reference.digest": amd.Digest.String()}
	gone := s.image(app("", "linux/arm64", "arm64"))
	s.gone[gone.Digest] = place.ErrNotFound
	root := s.index(amd, attestation, win, gone)
	got := survey(t, s, root)
	want := []verify.Row{
		{
			Platform: "linux/amd64", Digest: amd.Digest.String(), Size: s.manifestOf(amd).Layers[0].Size, Layers: 1, Created: &created,
			Attestations: []verify.Attestation{{Digest: attestation.Digest.String(), Types: []string{"https://spdx.dev/Document"}}},
		},
		{Platform: "windows/amd64", Digest: win.Digest.String(), OSVersion: "10.0.17763.1"},
		{Platform: "linux/arm64", Digest: gone.Digest.String(), Problem: gone.Digest.String() + " is not there"},
	}
	if diff := cmp.Diff(want, got.Platforms, cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == ".platform" || p.Last().String() == ".env"
	}, cmp.Ignore())); diff != "" || !got.IsIndex || got.Digest != root.Digest.String() {
		t.Error(diff)
	}
	s.gone[root.Digest] = place.ErrNotFound
	if v, err := verify.TakeSurvey(t.Context(), s, root, ""); !errors.Is(err, place.ErrNotFound) {
		t.Error(v, err)
	}
}

// handler is a qemu handler for machine, the two bytes of e_machine in the byte order of class.
func handler(machine string, flags string) string {
	return "enabled\ninterpreter /usr/bin/qemu\nflags: " + flags + "\noffset 0\nmagic " + machine + "\nmask " + strings.Repeat("ff", 7) + "00" + strings.Repeat("ff", 8) + "feffffff\n"
}

func TestHere(t *testing.T) {
	arm64 := hex.EncodeToString([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"))
	system := func(files map[string]string) fstest.MapFS {
		fsys := fstest.MapFS{binfmt.Dir + "/status": {Data: []byte("enabled\n")}}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		return fsys
	}
	amd := arch.Machine{Platform: arch.Platform{OS: "linux", Architecture: "amd64", Variant: "v3"}}
	for name, tt := range map[string]struct {
		machine   arch.Machine
		files     fstest.MapFS
		platforms string
		how       verify.How
		platform  string
		reason    string
	}{
		"exact":              {amd, system(nil), "linux/arm64 linux/amd64/v3 linux/amd64", verify.Exactly, "linux/amd64/v3", "exactly linux/amd64/v3"},
		"compatible":         {amd, system(nil), "linux/386 linux/amd64", verify.Compatibly, "linux/amd64", "runs on linux/amd64/v3"},
		"besides":            {amd, system(nil), "linux/386 linux/arm64", verify.Besides, "linux/386", "as a 32-bit program"},
		"emulated":           {amd, system(map[string]string{binfmt.Dir + "/qemu-aarch64": handler(arm64, "F")}), "linux/s390x linux/arm64", verify.Emulated, "linux/arm64", "through the emulator qemu-aarch64 (/usr/bin/qemu)"},
		"emulated without F": {amd, system(map[string]string{binfmt.Dir + "/qemu-aarch64": handler(arm64, "OC")}), "linux/arm64", verify.Emulated, "linux/arm64", "the image itself must have it"},
		"not at all":         {amd, system(nil), "linux/arm64 linux/amd64/v4", verify.NotAtAll, "", "linux/arm64: the architecture is arm64, not amd64; linux/amd64/v4: it needs linux/amd64/v4, and that is more than linux/amd64/v3; there is no emulator"},
		"unseen":             {amd, fstest.MapFS{}, "linux/arm64", verify.Unknown, "", "cannot be seen here"},
		"windows":            {amd, system(nil), "windows/amd64", verify.NotAtAll, "", "the operating system is windows, not linux"},
		"nothing":            {amd, system(nil), "", verify.NotAtAll, "", "no platform"},
		"Mac":                {arch.Machine{Platform: arch.Platform{OS: "darwin", Architecture: "arm64"}}, fstest.MapFS{}, "linux/amd64", verify.Unknown, "", "cannot be seen"},
	} {
		s := newStore(t)
		var specs []spec
		for _, p := range strings.Fields(tt.platforms) {
			specs = append(specs, spec{config: p})
		}
		h := verify.HostOf(tt.machine, tt.files)
		a := survey(t, s, s.images(specs...)).For(h)
		if a.How != tt.how || a.Platform != tt.platform || !strings.Contains(a.Reason, tt.reason) || a.How.Runs() != (a.Index >= 0) || a.GPU != nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// What an image for GPUs asks for is said as fact.
func TestHereGPU(t *testing.T) {
	s := newStore(t)
	v := survey(t, s, s.image(spec{config: "linux/amd64", start: v1.Config{Env: []string{"NVIDIA_REQUIRE_CUDA=cuda>=12.6"}}}))
	linux := arch.Machine{Platform: arch.Platform{OS: "linux", Architecture: "amd64"}}
	mac := arch.Machine{Platform: arch.Platform{OS: "darwin", Architecture: "amd64"}}
	for name, tt := range map[string]struct {
		machine arch.Machine
		version string
		met     cuda.Truth
		fact    string
	}{
		"old":     {linux, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat", cuda.No, "which supports CUDA up to 12.2"},
		"new":     {linux, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.10  Sat", cuda.Yes, "which supports CUDA up to 12.8"},
		"none":    {linux, "", cuda.Unknown, "no NVIDIA driver is loaded here"},
		"strange": {linux, "x", cuda.Unknown, "which NVIDIA driver there is, is unknown: "},
		"Mac":     {mac, "", cuda.Unknown, "cannot be looked into"},
	} {
		fsys := fstest.MapFS{}
		if tt.version != "" {
			fsys[cuda.DriverFile] = &fstest.MapFile{Data: []byte(tt.version)}
		}
		a := v.For(verify.HostOf(tt.machine, fsys))
		if a.GPU == nil || a.GPU.Met != tt.met || !strings.Contains(a.GPU.Facts[0], tt.fact) {
			t.Errorf("%s: %+v", name, a.GPU)
		}
	}
}

func ExampleSurvey_For() {
	s := &verify.Survey{}
	a := s.For(verify.Host{Platform: arch.Platform{OS: "linux", Architecture: "amd64"}})
	fmt.Println(a.How.Runs(), a.Reason)
	// Output: false the image has no platform
}
