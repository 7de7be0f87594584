package cuda_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/arch/verify/cuda"
)

func TestReadDriver(t *testing.T) {
	for text, want := range map[string]string{
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  gcc version 12.3.0\n": "535.104.05",
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (dvs-builder@U16)  Thu Feb 22":             "550.54.14",
		"NVRM version: NVIDIA UNIX aarch64 Kernel Module  470.82\n":                                                                    "470.82",
		"no version\nGCC 12.3.0": "",
		"":                       "",
	} {
		d, err := cuda.ReadDriver(fstest.MapFS{cuda.DriverFile: {Data: []byte(text)}})
		if d.Version != want || (err == nil) != (want != "") {
			t.Errorf("%q: %v, %v", text, d, err)
		}
	}
	if _, err := cuda.ReadDriver(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestCUDA(t *testing.T) {
	for driver, want := range map[string]string{
		"535.104.05": "12.2", "450.80.02": "11.0", "452.39": "11.0", "580.1": "13.0", "384.0": "9.0", "600.1": "", "304.1": "", "1000.1": "",
	} {
		if got, ok := (cuda.Driver{Version: driver}).CUDA(); got != want || ok != (want != "") {
			t.Errorf("%s: %s, want %s", driver, got, want)
		}
	}
}

func TestRequire(t *testing.T) {
	driver := cuda.Driver{Version: "535.104.05"} // CUDA 12.2
	for condition, want := range map[string]cuda.Truth{
		"":                       cuda.Yes,
		"cuda>=12.1":             cuda.Yes,
		"cuda>=12.2":             cuda.Yes,
		"cuda>=12.10":            cuda.No,
		"cuda>=12.6":             cuda.No,
		"cuda<12":                cuda.No,
		"cuda=12":                cuda.Yes,
		"cuda!=12.2":             cuda.No,
		"cuda<=12.2":             cuda.Yes,
		"cuda>11":                cuda.Yes,
		"driver>=525,driver<526": cuda.No,
		"driver>=535,driver<536": cuda.Yes,
		"cuda>=12.6 brand=tesla,driver>=535,driver<536": cuda.Unknown,
		"cuda>=12.6 brand=tesla,driver>=525,driver<526": cuda.No,
		"cuda>=12.1 brand=tesla":                        cuda.Yes,
		"arch>=8.0":                                     cuda.Unknown,
		"cuda>=x":                                       cuda.Unknown,
	} {
		r, err := cuda.ParseRequire(condition)
		if err != nil {
			t.Fatalf("%q: %v", condition, err)
		}
		if got := r.Met(driver); got != want {
			t.Errorf("%q: %s, want %s", condition, got, want)
		}
	}
	for _, bad := range []string{"cuda", "=12", "cuda>=", "cuda==12", "cuda>=1,,", strings.Repeat("x", 70_000), strings.Repeat("a=1 ", 5000)} {
		if r, err := cuda.ParseRequire(bad); err == nil {
			t.Errorf("%.20q: %v", bad, r)
		}
	}
}

func TestJudge(t *testing.T) {
	driver := &cuda.Driver{Version: "535.104.05"}
	for name, tt := range map[string]struct {
		env    []string
		driver *cuda.Driver
		want   cuda.Judgement
	}{
		"none": {[]string{"PATH=/bin", "NVIDIA_VISIBLE_DEVICES=void"}, driver, cuda.Judgement{Met: cuda.Yes}},
		"met": {
			[]string{"NVIDIA_VISIBLE_DEVICES=all", "CUDA_VERSION=12.1.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.1 brand=tesla,driver>=470,driver<471"},
			driver,
			cuda.Judgement{Wanted: true, Met: cuda.Yes, Facts: []string{
				"it asks for these GPUs: all (NVIDIA_VISIBLE_DEVICES)", "it holds CUDA 12.1.1 (CUDA_VERSION)",
				"the driver here is 535.104.05, which supports CUDA up to 12.2",
				"NVIDIA_REQUIRE_CUDA: cuda>=12.1, or one of 1 more: met",
			}},
		},
		"not met": {
			[]string{"NVIDIA_REQUIRE_CUDA=cuda>=12.6", "NVIDIA_REQUIRE_X=arch>=9"},
			driver,
			cuda.Judgement{Wanted: true, Met: cuda.No, Facts: []string{
				"the driver here is 535.104.05, which supports CUDA up to 12.2",
				"NVIDIA_REQUIRE_CUDA: cuda>=12.6: not met", "NVIDIA_REQUIRE_X: arch>=9: unknown whether it is met",
			}},
		},
		"switched off": {
			[]string{"CUDA_VERSION=12.6", "NVIDIA_REQUIRE_CUDA=cuda>=12.6", "NVIDIA_DISABLE_REQUIRE=true"},
			driver,
			cuda.Judgement{Wanted: true, Met: cuda.Yes, Facts: []string{"it holds CUDA 12.6 (CUDA_VERSION)", "the driver here is 535.104.05, which supports CUDA up to 12.2"}},
		},
		"no driver": {
			[]string{"NVIDIA_REQUIRE_CUDA=cuda>=12.6"},
			nil,
			cuda.Judgement{Wanted: true, Met: cuda.Unknown, Facts: []string{"no NVIDIA driver is loaded here", "NVIDIA_REQUIRE_CUDA: cuda>=12.6: unknown whether it is met"}},
		},
		"not understood, and a new driver": {
			[]string{"NVIDIA_REQUIRE_CUDA=cuda"},
			&cuda.Driver{Version: "999.1"},
			cuda.Judgement{Wanted: true, Met: cuda.Unknown, Facts: []string{
				"the driver here is 999.1; which CUDA it supports is unknown",
				`NVIDIA_REQUIRE_CUDA is not understood: condition "cuda": there is no comparison in it`,
			}},
		},
	} {
		if diff := cmp.Diff(tt.want, cuda.Judge(tt.env, tt.driver)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func FuzzRequire(f *testing.F) {
	f.Add("cuda>=12.6 brand=unknown,driver>=470,driver<471", "535.104.05")
	f.Fuzz(func(t *testing.T, condition, driver string) {
		r, err := cuda.ParseRequire(condition)
		if err == nil {
			r.Met(cuda.Driver{Version: driver})
		}
	})
}

func Example() {
	j := cuda.Judge([]string{"NVIDIA_REQUIRE_CUDA=cuda>=12.6"}, &cuda.Driver{Version: "535.104.05"})
	fmt.Println(j.Met)
	// Output: no
}
