package serve

import (
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// Options of a [Server]. The zero value serves nothing, to anybody.
type Options struct {
	// Places are what is served. If two have the same name, the first one wins.
	Places []Place
	// Writable lets clients push into the first place, which then is a [place.Sink]
	// of full image names; a [place.Remover] too if AllowDelete lets them delete.
	Writable, AllowDelete bool
	Uploads               UploadLimits
	// Users are who may do anything at all; nil: everybody.
	Users *Users
	// Stall is how long a client may take to send or take the next MiB; 0: 2 minutes.
	Stall time.Duration
	// Access is told of every request once it was answered, from many goroutines; may be nil.
	Access func(Access)
	// Events hears what is left out, and what goes wrong here; may be nil.
	Events event.Handler
	// Now is the clock; nil: the real one.
	Now func() time.Time
}

// A Place is one that is served. Source has to be a [place.Lister] and a [place.Filer].
type Place struct {
	Source place.Source
	// Name is the repository of the images that have a mere tag for a name, or no
	// name; empty: they are left out.
	Name string
}

// UploadLimits bound what is on its way in.
type UploadLimits struct {
	TempDir string        // for what is not complete yet; empty: the system's
	Most    int           // uploads at once; 0: 128
	Bytes   int64         // of all uploads together; 0: 64 GiB
	Expiry  time.Duration // an upload that nobody touched for so long is dropped; 0: an hour
}

func (o Options) withDefaults() Options {
	if o.Stall <= 0 {
		o.Stall = 2 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Access == nil {
		o.Access = func(Access) {}
	}
	u := &o.Uploads
	if u.Most <= 0 {
		u.Most = 128
	}
	if u.Bytes <= 0 {
		u.Bytes = 64 << 30
	}
	if u.Expiry <= 0 {
		u.Expiry = time.Hour
	}
	return o
}
