package verify

import "github.com/dray-oci/dray/pkg/compress"

// How each engine reads an archive was tried with Docker 20.10, containerd 1.6, Podman 4.3
// and skopeo 1.9, and read in the sources of newer ones.

// oldDocker is the classic store, with graph drivers: manifest.json only.
func (a *archive) oldDocker() Engine {
	e := Engine{Name: "Docker, classic store"}
	switch {
	case !a.hasDocker:
		return e.no("it reads manifest.json, which is not there; dray save --as hybrid writes both forms")
	case a.broken != "":
		return e.no("manifest.json names " + a.broken + ", which is not there")
	}
	e = e.yes(a.docker, "reads manifest.json")
	if a.hasZstd || a.members.Compression() == compress.Zstd {
		e.Why += "; zstd needs Docker 23 or newer"
	}
	return e
}

// newDocker is the store of containerd, the default from Docker 29 on.
func (a *archive) newDocker() Engine {
	return a.imported(Engine{Name: "Docker, containerd store"})
}

func (a *archive) containerd() Engine {
	e := a.imported(Engine{Name: "containerd"})
	if e.Loads && a.members.Compression() != compress.None {
		e.Why += "; ctr reads the archive only when it is not compressed"
	}
	return e
}

// imported is containerd's import: index.json, or manifest.json where there is none.
func (a *archive) imported(e Engine) Engine {
	switch {
	case a.hasOCI:
		e = e.yes(a.oci, "reads index.json")
		if a.unnamed > 0 {
			e.Why += "; what has no name there is kept by its digest alone"
		}
		return e
	case a.hasDocker && a.broken == "":
		return e.yes(a.docker, "reads manifest.json, and makes new manifests: their digests are others")
	}
	return e.no("there is neither an index.json nor a whole manifest.json")
}

// podman takes the OCI form first, if it holds one image; of several platforms it takes
// the one of the machine.
func (a *archive) podman() Engine {
	e := Engine{Name: "Podman"}
	switch {
	case a.hasOCI && len(a.oci) == 1 && a.beside == 0:
		return e.yes(a.oci, "reads index.json, and takes the platform of the machine")
	case a.hasDocker && a.broken == "":
		return e.yes(a.docker, "reads manifest.json")
	case a.hasOCI:
		return e.no("it takes only one image from index.json, which holds several, and there is no manifest.json")
	}
	return e.no("there is neither an index.json nor a whole manifest.json")
}

func (a *archive) skopeo() Engine {
	e := Engine{Name: "skopeo"}
	docker := a.hasDocker && a.broken == ""
	switch {
	case a.hasOCI && docker:
		return e.yes(a.oci, "as oci-archive: it reads index.json, as docker-archive: manifest.json"+several(a.oci))
	case a.hasOCI:
		return e.yes(a.oci, "as oci-archive: only"+several(a.oci))
	case docker:
		return e.yes(a.docker, "as docker-archive: only"+several(a.docker))
	}
	return e.no("there is neither an index.json nor a whole manifest.json")
}

func several(images []string) string {
	if len(images) > 1 {
		return "; it has to be told which image"
	}
	return ""
}

func (e Engine) yes(sees []string, why string) Engine {
	e.Loads, e.Sees, e.Why = true, sees, why
	return e
}

func (e Engine) no(why string) Engine {
	e.Sees, e.Why = []string{}, why
	return e
}
