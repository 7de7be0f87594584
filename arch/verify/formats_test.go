package verify_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/arch/verify"
)

// sample has a finding of each severity, on a platform and on the whole.
func sample(t *testing.T) *verify.Report {
	s := newStore(t)
	a, b := app("", "linux/amd64", "amd64"), app("", "linux/arm64", "amd64")
	a.layers[0] = append(a.layers[0], script("../x", ""))
	b.start.Cmd = []string{"<&\x01>"}
	root := s.images(a, b)
	r := s.run(root, verify.Options{Reference: "example.com/app:1"})
	r.Findings = append(r.Findings, verify.Finding{Kind: verify.KindAgainst, Severity: verify.Error, Text: "there: nothing", Fix: "copy it"})
	return r
}

// golden compares with a file in testdata; DRAY_GOLDEN=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("DRAY_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestJSON(t *testing.T) {
	got, err := json.MarshalIndent(sample(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", append(got, '\n'))
}

func TestJUnit(t *testing.T) {
	var buf bytes.Buffer
	if err := verify.WriteJUnit(&buf, sample(t), &verify.Report{Digest: "sha256:0"}); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", buf.Bytes())
	if err := xml.Unmarshal(buf.Bytes(), new(struct {
		XMLName xml.Name `xml:"testsuites"`
	})); err != nil {
		t.Error(err)
	}
}

func TestSARIF(t *testing.T) {
	var buf bytes.Buffer
	if err := verify.WriteSARIF(&buf, "1.2.3", sample(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "sarif.json", buf.Bytes())
}

// Every kind explains itself.
func TestKinds(t *testing.T) {
	src, err := os.ReadFile("kind.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(src)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " Kind = \"")
		if !ok {
			continue
		}
		n++
		k, _, _ := strings.Cut(value, `"`)
		if about := verify.Kind(k).About(); !strings.HasSuffix(about, ".") {
			t.Errorf("%s says of itself %q", name, about)
		}
	}
	if n < 20 {
		t.Errorf("%d kinds", n)
	}
}
