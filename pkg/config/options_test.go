package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromEnviron(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the paths are those of Linux")
	}
	env := map[string]string{
		"REGISTRY_AUTH_FILE": "auth", "XDG_RUNTIME_DIR": "/run/user/7", "XDG_CONFIG_HOME": "/conf", "DOCKER_CONFIG": "/d",
		"CONTAINERS_REGISTRIES_CONF": "/r.conf", "SSL_CERT_FILE": "/f", "SSL_CERT_DIR": "/a:/b",
	}
	full := FromEnviron(func(k string) string { return env[k] }, "/home/me")
	want := Options{
		RegistryAuthFile: "auth", ContainersAuthFile: "/run/user/7/containers/auth.json", DockerConfigDir: "/d",
		Home: "/home/me", ConfigHome: "/conf", SystemDir: "/etc",
		RegistriesConf: "/r.conf", SSLCertFile: "/f", SSLCertDirs: []string{"/a", "/b"}, SSLCertLater: true,
	}
	if diff := cmp.Diff(want, full); diff != "" {
		t.Error(diff)
	}
	bare := FromEnviron(func(string) string { return "" }, "/home/me")
	want = Options{
		ContainersAuthFile: fmt.Sprintf("/run/containers/%d/auth.json", os.Getuid()),
		Home:               "/home/me", ConfigHome: "/home/me/.config", SystemDir: "/etc", SSLCertDirs: []string{}, SSLCertLater: true,
	}
	if diff := cmp.Diff(want, bare); diff != "" {
		t.Error(diff)
	}
	odd := map[string]string{"XDG_CONFIG_HOME": "relative", "XDG_RUNTIME_DIR": "relative"}
	homeless := FromEnviron(func(k string) string { return odd[k] }, "")
	if homeless.ConfigHome != "" || !filepath.IsAbs(homeless.ContainersAuthFile) {
		t.Errorf("relative folders count: %+v", homeless)
	}
}

// Options that name nothing read nothing.
func TestZeroOptions(t *testing.T) {
	t.Setenv("HOME", tree(t, map[string]string{".docker/config.json": auths(entry("a", "leak"))}))
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(os.Getenv("HOME"), ".docker", "config.json"))
	c := New(Options{})
	cr, err := c.Credential(t.Context(), "a", "b")
	if err != nil || !cr.Anonymous() {
		t.Errorf("%+v, %v", cr, err)
	}
	eps, err := c.Endpoints("a", "b")
	if diff := cmp.Diff([]Endpoint{{Host: "a", Repository: "b", Pull: PullAll}}, eps); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if cfg, err := c.TLS("a"); err != nil || cfg.RootCAs != nil || cfg.Certificates != nil || cfg.InsecureSkipVerify {
		t.Errorf("%+v, %v", cfg, err)
	}
}
