package delta

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A choice says what units of bases stand for one of the target; -1 is none.
type choice struct {
	twin int32 // the same name
	copy int32 // the same content
	old  int32 // another version
}

// minOldBytes is how large a file must be for its old version to be looked at.
const minOldBytes = 64

// A planner goes over the target for the first time.
type planner struct {
	*survey
	choices []choice
	last    int32 // the unit that was copied last
	length  int64
	alike   int64 // bytes of content of which bases have something
	diffID  v1.Hash
}

// plan reads the target and makes a choice for each of its units.
func (p *planner) plan(ctx context.Context, target Blob, packed bool, o Options) error {
	r, err := target.open(ctx, packed, maxLength(target.Desc.Size), o.progress)
	if err != nil {
		return err
	}
	in := &measured{r: r, hash: sha256.New()}
	err = p.read(newCutter(in, packed))
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	p.length = in.n
	if !packed {
		p.diffID = in.digest()
	}
	return nil
}

func (p *planner) read(c cutter) error {
	for {
		u, err := c.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		k := p.known(u)
		if k.hash, k.size, err = p.content(c); err != nil {
			return err
		}
		if _, err = c.fill(); err != nil {
			return err
		}
		if len(p.choices) == maxSegments {
			return fmt.Errorf("%w: it has more than %d members", ErrNotSmaller, maxSegments)
		}
		c := p.choose(k)
		if c.copy >= 0 || c.old >= 0 {
			p.alike += k.size
		}
		p.choices = append(p.choices, c)
	}
}

func (p *planner) choose(k known) choice {
	c := choice{-1, -1, -1}
	if k.name != 0 {
		if twins := p.find(p.names, k.name); len(twins) > 0 {
			c.twin = twins[0]
		}
	}
	if k.size == 0 {
		return c
	}
	if c.copy = p.same(k, c.twin); c.copy >= 0 {
		p.last = c.copy
		return c
	}
	if k.size >= minOldBytes && k.name != 0 {
		c.old = p.older(k, c.twin)
	}
	return c
}

// same returns a unit with the content of k: its twin, or the one after the last
// copied, or any.
func (p *planner) same(k known, twin int32) int32 {
	fits := func(i int32) bool {
		return i >= 0 && int(i) < len(p.units) && p.units[i].hash == k.hash && p.units[i].size == k.size
	}
	if fits(twin) {
		return twin
	}
	if fits(p.last + 1) {
		return p.last + 1
	}
	for _, i := range p.find(p.hashes, k.hash) {
		if fits(i) {
			return i
		}
	}
	return -1
}

// older returns the unit that is most likely another version of k.
func (p *planner) older(k known, twin int32) int32 {
	if twin >= 0 && p.units[twin].size >= minOldBytes {
		return twin
	}
	best, distance := int32(-1), k.size // not more than twice as large
	for n, i := range p.find(p.loose, k.loose) {
		size := p.units[i].size
		if d := max(size-k.size, k.size-size); size >= minOldBytes && d < distance {
			best, distance = i, d
		}
		if n == maxAlike {
			break
		}
	}
	return best
}

// maxAlike is how many files whose names are alike are looked at for one.
const maxAlike = 64
