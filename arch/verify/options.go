package verify

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// Binaries say which programs are looked at.
type Binaries string

// What is looked at.
const (
	Entrypoint Binaries = "entrypoint" // what the image starts, and what that is started with
	All        Binaries = "all"        // every program and library
	None       Binaries = "none"       // none: layers are only hashed
)

// Options say how to verify. The zero value verifies everything, and of the programs
// what the image starts.
type Options struct {
	Reference string          // how the report names the image
	Platforms arch.Selection  // those to judge; none means all
	Host      arch.Platform   // what "local" means among them
	Require   []arch.Platform // these must be there
	Exactly   bool            // and no others
	Binaries  Binaries        // empty means Entrypoint

	// Fast reads no layer: what indexes, manifests and configs give away is judged.
	Fast bool
	// Skim reads, from the top, only as many layers as it takes to know what Entrypoint
	// asks for, and of layers with a table of contents only that. The others are
	// asked for but not read, so that nothing says they match their digests.
	Skim bool

	// Near is a place with copies of layers, mostly a local store. What it has is read
	// there, and the source is only asked whether it has it too.
	Near place.Source

	// Against is another place that must hold the same content as AgainstRoot.
	Against     place.Source
	AgainstRoot v1.Descriptor

	Jobs   int // how many layers are read at once; 0 means 4
	Events event.Handler
}

func (o Options) jobs() int {
	if o.Jobs <= 0 {
		return 4
	}
	return o.Jobs
}

// documentJobs is how many manifests and configs are read at once: they are small, so
// that what counts is how often one waits for an answer.
const documentJobs = 32

func (o Options) binaries() Binaries {
	if o.Binaries == "" {
		return Entrypoint
	}
	return o.Binaries
}
