package ref

// Kind is what sort of place a [Ref] names. All but [Registry] and [Path] are also the word
// that is written before the colon.
type Kind string

// The kinds of place.
const (
	Registry          Kind = "docker" // docker://NAME, and bare names
	Store             Kind = "store"
	OCIDir            Kind = "oci"
	OCIArchive        Kind = "oci-archive"
	DockerArchive     Kind = "docker-archive"
	DockerDaemon      Kind = "docker-daemon"
	ContainersStorage Kind = "containers-storage"
	// Path is an archive, or a folder that holds an OCI layout; which one is found by looking
	// inside. The path "-" is standard input or output.
	Path Kind = "path"
	// SSH is one of the others on another host, which ssh reaches: see [Ref.There].
	SSH Kind = "ssh"
)

// Ref is one parsed name. It is comparable; refs from [Parse] are equal when they mean the same
// and were written with the same explicitness.
type Ref struct {
	Kind Kind
	// Name is set for Registry, Store, DockerDaemon and ContainersStorage; but for Registry it
	// may be zero: the whole store or engine.
	Name Name
	// Path is set for OCIDir, OCIArchive, DockerArchive and Path; as typed, never cleaned.
	Path string
	// Image is what followed the path, as typed: a tag, an image name, or "@" and a digest.
	// Empty means the only image there is. A Path never has one.
	Image string
	// Explicit says that the kind was written ("docker://", "oci:", …), not concluded.
	Explicit bool
	// Host and Far are set for SSH: [user@]host[:port], and the kind of the place
	// there, which the other fields describe.
	Host string
	Far  Kind
}

// String returns the ref in a form that [Parse] reads back as the same Ref, names in full.
func (r Ref) String() string {
	switch r.Kind {
	case Registry:
		full := r.Name.String()
		if r.Explicit || !meansRegistry(full) {
			return "docker://" + full
		}
		return full
	case SSH:
		return "ssh://" + r.Host + "/" + r.There().String()
	case Path:
		if !startsLikePath(r.Path) && !endsLikeArchive(r.Path) {
			return "./" + r.Path
		}
		return r.Path
	case OCIDir, OCIArchive, DockerArchive:
		return string(r.Kind) + ":" + r.Path + imageSuffix(r.Image)
	default:
		return string(r.Kind) + ":" + r.Name.String()
	}
}

func imageSuffix(image string) string {
	if image == "" || image[0] == '@' {
		return image
	}
	return ":" + image
}

// meansRegistry reports whether a full name, written bare, is read as one.
func meansRegistry(full string) bool {
	r, err := Parse(full)
	return err == nil && r.Kind == Registry
}
