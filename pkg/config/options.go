package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Options say where configuration lies. The zero value names no file and nothing is read
// but the system's certificates; [FromEnviron] fills in the usual places.
type Options struct {
	// Given are credentials the user typed (--username, --password-stdin). Each goes to
	// what its Key names, a host or host/namespace, and nowhere else; it comes before
	// every file.
	Given []Credential

	AuthFile           string // --authfile; first of the files, and the one logins go to
	RegistryAuthFile   string // REGISTRY_AUTH_FILE; the same, after AuthFile
	ContainersAuthFile string // where podman login writes: $XDG_RUNTIME_DIR/containers/auth.json
	DockerConfigDir    string // DOCKER_CONFIG; holds config.json
	Home               string // holds .docker
	ConfigHome         string // XDG_CONFIG_HOME or ~/.config; holds containers and docker
	SystemDir          string // /etc; holds containers and docker

	RegistriesConf    string // replaces the usual registries.conf; must exist
	RegistriesConfDir string // replaces the usual folders of drop-ins

	CertDir     string   // --cert-dir: *.crt, *.cert with *.key, for every host; in folders by host, for that one
	CAFile      string   // --ca-file: PEM, trusted besides the system's
	SSLCertFile string   // SSL_CERT_FILE, on every system
	SSLCertDirs []string // SSL_CERT_DIR, on every system
	// SSLCertLater says that this process has these variables in its environment, and a
	// system where Go itself heeds them: it does so when it meets the first certificate.
	SSLCertLater bool

	// Insecure are hosts whose certificate is not verified. One without a port stands for
	// all its ports.
	Insecure []string

	// Warn is told, once each, what could not be read or run; nil drops it. The error may
	// have a Hint() string and never holds a secret. It may be called from any goroutine.
	Warn func(error)
}

// FromEnviron returns the options that the environment of this process asks for and the usual places below
// home. Empty home leaves out what lies there.
func FromEnviron(getenv func(string) string, home string) Options {
	return Options{
		RegistryAuthFile:   getenv("REGISTRY_AUTH_FILE"),
		ContainersAuthFile: containersAuthFile(getenv("XDG_RUNTIME_DIR")),
		DockerConfigDir:    getenv("DOCKER_CONFIG"),
		Home:               home,
		ConfigHome:         configHome(getenv("XDG_CONFIG_HOME"), home),
		SystemDir:          systemDir(getenv),
		RegistriesConf:     getenv("CONTAINERS_REGISTRIES_CONF"),
		SSLCertFile:        getenv("SSL_CERT_FILE"),
		SSLCertDirs:        filepath.SplitList(getenv("SSL_CERT_DIR")),
		SSLCertLater:       runtime.GOOS != "darwin" && runtime.GOOS != "windows",
	}
}

// containersAuthFile is containers-auth.json(5): the runtime folder, on Linux only.
func containersAuthFile(runtimeDir string) string {
	switch {
	case runtime.GOOS != "linux":
		return ""
	case filepath.IsAbs(runtimeDir):
		return filepath.Join(runtimeDir, "containers", "auth.json")
	default:
		return fmt.Sprintf("/run/containers/%d/auth.json", os.Getuid())
	}
}

func configHome(xdg, home string) string {
	switch {
	case filepath.IsAbs(xdg): // the XDG specification has relative ones ignored
		return xdg
	case home == "":
		return ""
	default:
		return filepath.Join(home, ".config")
	}
}

func systemDir(getenv func(string) string) string {
	if runtime.GOOS == "windows" {
		return getenv("ProgramData")
	}
	return "/etc"
}

// below joins, or is empty where there is no such place.
func below(dir string, elem ...string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}
