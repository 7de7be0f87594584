package arch

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	m := Host()
	if err := m.Platform.Valid(); err != nil {
		t.Error(err)
	}
	if m.Platform.OS != runtime.GOOS || m.Platform.Architecture != runtime.GOARCH && !m.Translated {
		t.Errorf("%s, but this program is for %s/%s", m.Platform, runtime.GOOS, runtime.GOARCH)
	}
	if fit, why := Match(m.Runner(), m.Target()); fit < Compatible {
		t.Errorf("what is taken by default, %s, would not run here: %s", m.Target(), why)
	}
	if again := Host(); again != m {
		t.Errorf("%+v, then %+v", m, again)
	}
}

// The kernel names the features that make up the levels of x86-64 (x86-64 psABI, table 3.1).
func TestLevelAgreesWithKernel(t *testing.T) {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || runtime.GOARCH != "amd64" {
		t.Skip("needs /proc/cpuinfo of an amd64")
	}
	flags := " " + cpuinfoField(string(data), "flags") + " "
	want := ""
	for level, needed := range []string{
		"cmov cx8 fpu fxsr mmx syscall sse sse2", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3",
		"avx avx2 bmi1 bmi2 f16c fma abm movbe xsave", "avx512f avx512bw avx512cd avx512dq avx512vl",
	} {
		for flag := range strings.FieldsSeq(needed) {
			if !strings.Contains(flags, " "+flag+" ") {
				needed = ""
			}
		}
		if needed == "" {
			break
		}
		want = x86Variant(level + 1)
	}
	if got := cpuVariant(); got != want {
		t.Errorf("level %s, the kernel's flags say %s", got, want)
	}
}

func TestMachine(t *testing.T) {
	tests := []struct {
		m              Machine
		target, runner string
		notes          string
	}{
		{Machine{Platform: Platform{OS: "linux", Architecture: "amd64", Variant: "v3"}}, "linux/amd64", "linux/amd64/v3", ""},
		{Machine{Platform: Platform{OS: "linux", Architecture: "arm64", Variant: "v8.2"}}, "linux/arm64", "linux/arm64/v8.2", ""},
		{Machine{Platform: Platform{OS: "linux", Architecture: "arm", Variant: "v6"}}, "linux/arm/v6", "linux/arm/v6", ""},
		{
			Machine{Platform: Platform{OS: "darwin", Architecture: "arm64"}, Translated: true},
			"linux/arm64", "linux/arm64",
			"this program is for amd64 and runs under Rosetta: the machine is darwin/arm64; images run in the Linux virtual machine of the engine on darwin",
		},
		{
			Machine{Platform: Platform{OS: "windows", Architecture: "amd64", Variant: "v2", OSVersion: "10.0.20348"}},
			"linux/amd64", "linux/amd64/v2",
			"images run in the Linux virtual machine of the engine on windows",
		},
	}
	for _, tt := range tests {
		if got := tt.m.Target().String(); got != tt.target {
			t.Errorf("%s: target %s, want %s", tt.m.Platform, got, tt.target)
		}
		if got := tt.m.Runner().String(); got != tt.runner {
			t.Errorf("%s: runner %s, want %s", tt.m.Platform, got, tt.runner)
		}
		if got := strings.Join(tt.m.Notes(), "; "); got != tt.notes {
			t.Errorf("%s: notes %q", tt.m.Platform, got)
		}
	}
}

func TestVariants(t *testing.T) {
	for got, want := range map[string]string{
		x86Variant(0) + "|" + x86Variant(3):                           "|v3",
		arm64Variant(0, 0) + "|" + arm64Variant(8, 0):                 "|v8.0",
		arm64Variant(8, 12):                                           "v8.9",
		arm64Variant(9, 2) + arm64Variant(9, 9) + arm64Variant(10, 0): "v9.2v9.7v9.0",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestARMVariant(t *testing.T) {
	const intel = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\n"
	for _, tt := range []struct{ cpuinfo, machine, want string }{
		{"model name\t: ARMv7 Processor rev 4 (v7l)\nCPU architecture: 7\n", "armv7l", "v7"},
		{"model name\t: ARMv6-compatible processor rev 7 (v6l)\nCPU architecture: 7\n", "armv6l", "v6"},
		{"Processor: AArch64 rev 4\nCPU architecture: AArch64\n", "", "v8"},
		{"CPU architecture: 8\nprocessor: 1\nCPU architecture: 7\n", "armv8l", "v8"},
		{"CPU architecture: 6TEJ\n", "", "v6"},
		{"CPU architecture: 5TE\n", "", "v5"},
		{"CPU architecture: ?(12)\n", "", "v7"},
		{intel, "armv7l", "v7"},
		{intel, "armv6l", "v6"},
		{intel, "aarch64", "v8"},
		{"", "", "v5"},
	} {
		if got := armVariant(tt.cpuinfo, tt.machine); got != tt.want {
			t.Errorf("%q on %q: %s, want %s", tt.cpuinfo, tt.machine, got, tt.want)
		}
	}
}
