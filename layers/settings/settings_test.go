package settings_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers/settings"
)

const raw = `{"moby.buildkit.cache.v0":"x<y","architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin","A=1"],"Cmd":["sh"],"Healthcheck":{"Test":["NONE"],"StartInterval":5},"Odd":[1, 2]},"rootfs":{"type":"layers","diff_ids":[]},"history":[{"created":"2024-01-01T00:00:00Z","created_by":"x"}]}`

func edited(t *testing.T, e settings.Edit) (string, []settings.Change) {
	t.Helper()
	c, err := settings.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	e.Apply(c.File)
	out, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(out), settings.Diff(c.Old(), c.File)
}

func TestWhatIsNotEditedStays(t *testing.T) {
	if out, changes := edited(t, settings.Edit{}); out != raw || len(changes) != 0 {
		t.Errorf("%s %v", out, changes)
	}
	user := "1000"
	out, _ := edited(t, settings.Edit{User: &user})
	want := `{"architecture":"amd64","config":{"Cmd":["sh"],"Env":["PATH=/bin","A=1"],"Healthcheck":{"Test":["NONE"],"StartInterval":5},"Odd":[1,2],"User":"1000"},` +
		`"history":[{"created":"2024-01-01T00:00:00Z","created_by":"x"}],"moby.buildkit.cache.v0":"x\u003cy","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`
	if d := cmp.Diff(want, out); d != "" {
		t.Error(d)
	}
}

func TestEdit(t *testing.T) {
	none, words, empty, signal := []string{}, []string{"/app", "-v"}, "", "SIGINT"
	at := time.Unix(0, 0)
	platform := arch.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}
	e := settings.Edit{
		Env: []string{"A=2", "B=a=b"}, UnsetEnv: []string{"PATH"}, Labels: []string{"l=", "m=1"}, UnsetLabels: []string{"m"},
		Entrypoint: &words, Cmd: &none, WorkingDir: &empty, StopSignal: &signal, Ports: []string{"80/tcp"}, Volumes: []string{"/v", "/w"}, UnsetVolumes: []string{"/w"},
		Healthcheck: settings.Healthcheck(""), Platform: &platform, Created: &at, OnBuild: []string{"RUN x"},
	}
	if e.IsZero() || !(settings.Edit{}).IsZero() {
		t.Error("IsZero is wrong")
	}
	out, changes := edited(t, e)
	want := []settings.Change{
		{"Cmd", `["sh"]`, ""},
		{"Entrypoint", "", `["/app","-v"]`},
		{"Env.A", "1", "2"},
		{"Env.B", "", "a=b"},
		{"Env.PATH", "/bin", ""},
		{"ExposedPorts", "", `["80/tcp"]`},
		{"Healthcheck", `{"Test":["NONE"]}`, ""},
		{"Labels.l", "", `""`},
		{"OnBuild", "", `["RUN x"]`},
		{"StopSignal", "", "SIGINT"},
		{"Volumes", "", `["/v"]`},
		{"created", "", "1970-01-01T00:00:00Z"},
		{"platform", "linux/amd64", "linux/arm/v7"},
	}
	if d := cmp.Diff(want, changes); d != "" {
		t.Error(d)
	}
	for _, part := range []string{`"history":[{"created":"1970-01-01T00:00:00Z"`, `"variant":"v7"`, `"Env":["A=2","B=a=b"]`, `"Odd":[1,2]`} {
		if !strings.Contains(out, part) {
			t.Errorf("%s is not in %s", part, out)
		}
	}
	if strings.Contains(out, "Healthcheck") || strings.Contains(out, "Cmd") {
		t.Error(out)
	}
}

func TestParseChange(t *testing.T) {
	var e settings.Edit
	for _, line := range []string{
		`ENV A=1 B="x y" C=a\ b`, `env OLD the old form`, `CMD ["a", "b"]`, `ENTRYPOINT run it`, `EXPOSE 80 53/udp`, `LABEL a.b='c d'`, `USER 1:2`,
		`WORKDIR /w`, `VOLUME ["/a b"]`, `VOLUME /c /d`, `STOPSIGNAL 9`, `ONBUILD RUN x`, `HEALTHCHECK CMD curl -f x`, `SHELL ["/bin/ash"]`,
	} {
		if err := e.ParseChange(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	user, dir, signal := "1:2", "/w", "9"
	want := settings.Edit{
		Env: []string{"A=1", "B=x y", "C=a b", "OLD=the old form"}, Cmd: &[]string{"a", "b"}, Entrypoint: &[]string{"/bin/sh", "-c", "run it"},
		Ports: []string{"80/tcp", "53/udp"}, Labels: []string{"a.b=c d"}, User: &user, WorkingDir: &dir, Volumes: []string{"/a b", "/c", "/d"},
		StopSignal: &signal, OnBuild: []string{"RUN x"}, Healthcheck: settings.Healthcheck("curl -f x"), Shell: &[]string{"/bin/ash"},
	}
	if d := cmp.Diff(want, e); d != "" {
		t.Error(d)
	}
	for _, line := range []string{"", "RUN x", "FROM x", "ENV", "ENV A", `ENV A="x`, "LABEL =x", "WORKDIR w", "USER", "HEALTHCHECK x", "SHELL ash"} {
		if err := e.ParseChange(line); err == nil {
			t.Errorf("%q passes", line)
		}
	}
}

func FuzzParseChange(f *testing.F) {
	f.Add(`ENV A=1 "B=x y" C=a\ b`)
	f.Fuzz(func(t *testing.T, line string) {
		var e settings.Edit
		if e.ParseChange(line) != nil {
			return
		}
		for _, kv := range append(e.Env, e.Labels...) {
			if strings.Index(kv, "=") <= 0 {
				t.Errorf("%q of %q", kv, line)
			}
		}
	})
}

func ExampleEdit() {
	c, _ := settings.Parse([]byte(`{"os":"linux","config":{"Env":["A=1"]}}`))
	settings.Edit{Env: []string{"A=2"}}.Apply(c.File)
	out, _ := c.Marshal()
	fmt.Println(string(out))
	// Output: {"config":{"Env":["A=2"]},"os":"linux"}
}
