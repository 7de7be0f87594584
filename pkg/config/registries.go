package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/pkg/sysregistriesv2"
	"github.com/containers/image/v5/types"
)

// registry is one [[registry]] of registries.conf.
type registry struct {
	prefix   string // what it is about: host, host/ns, *.example.com
	location string // what takes the prefix's place; empty keeps it
	insecure bool
	blocked  bool
	mirrors  []mirror
}

type mirror struct {
	location string
	insecure bool
	pull     PullFromMirror
}

// loadRegistries reads registries.conf and the drop-ins; of equal prefixes the later holds.
func loadRegistries(o Options) ([]registry, error) {
	conf, dirs, err := o.registryFiles()
	if err != nil {
		return nil, err
	}
	byPrefix := map[string]registry{}
	for i, dir := range append([]string{""}, dirs...) {
		if i > 0 {
			conf = ""
		}
		v2, err := sysregistriesv2.TryUpdatingCache(source(conf, dir))
		if err != nil {
			return nil, &problem{
				fmt.Errorf("reading registries.conf: %w", err),
				"repair it, or name another one in CONTAINERS_REGISTRIES_CONF",
			}
		}
		for _, r := range v2.Registries {
			byPrefix[r.Prefix] = fromLibrary(r)
		}
	}
	var all []registry
	for _, r := range byPrefix {
		all = append(all, r)
	}
	return all, nil
}

// source makes the library read this file and this folder and nothing else: an empty name
// would send it to /etc and to $HOME.
func source(conf, dir string) *types.SystemContext {
	if conf == "" {
		conf = os.DevNull
	}
	if dir == "" {
		dir = os.DevNull
	}
	return &types.SystemContext{SystemRegistriesConfPath: conf, SystemRegistriesConfDirPath: dir}
}

// registryFiles finds what containers-registries.conf(5) and its drop-ins name: the user's
// own file hides the system's and its drop-ins.
func (o Options) registryFiles() (conf string, dirs []string, err error) {
	user, system := below(o.ConfigHome, "containers"), below(o.SystemDir, "containers")
	dirs = []string{below(system, "registries.conf.d"), below(user, "registries.conf.d")}
	conf = o.RegistriesConf
	for i, dir := range []string{user, system} {
		if conf != "" {
			break
		}
		if conf, err = existing(below(dir, "registries.conf")); err != nil {
			return "", nil, err
		}
		if conf != "" && i == 0 {
			dirs = dirs[1:]
		}
	}
	if o.RegistriesConfDir != "" {
		dirs = []string{o.RegistriesConfDir}
	}
	return conf, dirs, nil
}

func existing(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		err = &problem{fmt.Errorf("reading %s: %w", path, bare(err)), readHint(path, err)}
	}
	return path, err
}

func fromLibrary(r sysregistriesv2.Registry) registry {
	out := registry{prefix: r.Prefix, location: r.Location, insecure: r.Insecure, blocked: r.Blocked}
	for _, m := range r.Mirrors {
		pull := PullFromMirror(m.PullFromMirror)
		switch {
		case r.MirrorByDigestOnly:
			pull = PullByDigest
		case pull == "":
			pull = PullAll
		}
		out.mirrors = append(out.mirrors, mirror{m.Location, m.Insecure, pull})
	}
	return out
}

// splitName checks a name that a rewrite made and cuts it into host and repository.
func splitName(name string) (host, repository string, err error) {
	named, err := reference.ParseNamed(name)
	if err != nil {
		return "", "", err
	}
	return reference.Domain(named), reference.Path(named), nil
}
