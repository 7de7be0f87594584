package registry

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/dray-oci/dray/pkg/event"
)

// unfinishedBytes is the size from which on it is remembered where an upload goes
// on: less is sent again as fast as it is asked for.
const unfinishedBytes = 8 << 20

// remember writes down where the upload goes on before its bytes are sent: a run
// that is killed says nothing any more. Locations too long for a memo are those of
// registries that keep all they know in them, and do not go on after a cut anyway.
func (u *upload) remember() {
	at := strconv.FormatInt(u.minChunk, 10) + " " + u.at.String()
	if u.d.Size < unfinishedBytes || at == u.noted {
		return
	}
	u.noted = at
	u.m.uploads.Put(u.unfinishedKey(), at)
	_ = u.m.uploads.Save() // what is not remembered is sent again
}

// forget has no later run ask for the upload.
func (u *upload) forget() {
	if u.noted != "" {
		u.noted = ""
		u.m.uploads.Put(u.unfinishedKey(), "")
	}
}

func (u *upload) unfinishedKey() string {
	return u.m.Name() + " " + u.m.repository + " " + u.d.Digest.String()
}

// recall goes on with what an earlier run has begun, if the registry still has it.
// Whatever is in the way of that, the upload begins anew.
func (u *upload) recall(ctx context.Context) {
	if u.d.Size < unfinishedBytes {
		return
	}
	noted := u.m.uploads.Get(u.unfinishedKey())
	chunk, location, ok := strings.Cut(noted, " ")
	minChunk, err := number(chunk)
	if !ok || err != nil {
		return
	}
	u.noted = noted
	if u.at, err = u.m.Recall(ctx, location); err != nil {
		u.at = nil
		return
	}
	u.minChunk = minChunk
	has, err := u.ask(ctx)
	if err != nil {
		u.begun = begun{}
		return
	}
	u.spliced = true
	u.advance(has)
	u.r.c.o.Events.Emit(event.Event{Kind: event.Resume, Blob: u.d, N: has})
}

// errNoOffset says that a registry answers, but not with how far an upload came.
var errNoOffset = errors.New("the registry does not say how far the upload came")

// ask asks how many bytes of the upload the registry has.
func (u *upload) ask(ctx context.Context) (int64, error) {
	resp, err := u.m.Do(ctx, u.request(http.MethodGet))
	if err != nil {
		return 0, err
	}
	has, ok := uploaded(resp)
	if err := errors.Join(u.moved(resp), resp.Body.Close()); err != nil {
		return 0, err
	}
	if !ok || has > u.d.Size {
		return 0, errNoOffset
	}
	return has, nil
}
