package list_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/list"
)

func TestReport(t *testing.T) {
	lines, err := list.Read(strings.NewReader("a:1\nb:1 as=c:1 platform=linux/arm64,local\nall.tar\n"), "l")
	if err != nil {
		t.Fatal(err)
	}
	var r list.Report
	for i, l := range append(lines, lines[2]) {
		img := list.NewImage(l)
		if img.OK = i == 0; !img.OK {
			img.Error = "gone <&>"
		}
		r.Images = append(r.Images, img)
	}
	var buf bytes.Buffer
	if err := r.Write(&buf); err != nil {
		t.Fatal(err)
	}
	got, err := list.ReadReport(&buf, "r.json")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.Images, got.Images); d != "" {
		t.Error(d)
	}
	var failed []string
	for _, l := range got.Failed() {
		failed = append(failed, l.String())
	}
	if d := cmp.Diff([]string{"b:1 as=c:1 platform=local,linux/arm64", "all.tar"}, failed); d != "" {
		t.Error(d)
	}
}

func TestReadReportRefuses(t *testing.T) {
	head := `{"mediaType":"` + list.ReportType + `","images":[`
	for _, s := range []string{
		"", "{}", `{"mediaType":"application/vnd.dray.report.v2+json"}`, head + `]} {}`,
		head + `{"source":""}]}`, head + `{"source":"a b"}]}`, head + `{"source":"a","as":"A"}]}`,
		head + `{"source":"a","platforms":["x/y/z/w/v"]}]}`, head + `{"source":"a","Source":"b"}]}`,
	} {
		if _, err := list.ReadReport(strings.NewReader(s), "r.json"); err == nil || !strings.HasPrefix(err.Error(), "r.json: ") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte(`{"mediaType":"` + list.ReportType + `","images":[{"source":"a","platforms":["all"]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := list.ReadReport(bytes.NewReader(raw), "r")
		if err != nil {
			return
		}
		if len(r.Failed()) > len(r.Images) {
			t.Fatal("more failed than there are")
		}
	})
}

func Example() {
	lines, err := list.Read(strings.NewReader("alpine:3.20 platform=all # the base\n"), "images.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	lines[0].Name += "@sha256:77af4d6b9913e693e8d0b4b294fa62ade6054e6b2f1ffb617ac955dd63fb0182"
	if err := list.Write(os.Stdout, "locked", lines); err != nil {
		fmt.Println(err)
	}
	// Output:
	// # locked
	// alpine:3.20@sha256:77af4d6b9913e693e8d0b4b294fa62ade6054e6b2f1ffb617ac955dd63fb0182 platform=all
}
