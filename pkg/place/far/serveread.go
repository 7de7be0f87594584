package far

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// read returns what answers a question to a source; nil if there is no such.
func (p *served) read(what string) func(http.ResponseWriter, *http.Request) error {
	switch what {
	case "resolve":
		return p.resolve
	case "blob":
		return p.blob
	case "list":
		return p.list
	case "referrers":
		return p.referrers
	case "list-referrers":
		return p.listReferrers
	case "lacks":
		return p.lacks
	}
	return nil
}

func answerDoc(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who does not read it has gone
	return nil
}

func (p *served) resolve(w http.ResponseWriter, r *http.Request) error {
	var q nameQuestion
	if err := readDoc(r.Body, maxDocBytes, &q); err != nil {
		return err
	}
	d, err := p.source.Resolve(r.Context(), q.Name)
	if err != nil {
		return err
	}
	return answerDoc(w, d)
}

// blob sends content. When it breaks in the middle so does the answer.
func (p *served) blob(w http.ResponseWriter, r *http.Request) error {
	var q blobQuestion
	if err := readDoc(r.Body, maxDocBytes, &q); err != nil {
		return err
	}
	rc, err := place.OpenRange(r.Context(), p.source, q.Blob, q.Offset, q.Length)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, err = blob.Copy(r.Context(), w, rc)
	if err = errors.Join(err, rc.Close()); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (p *served) list(w http.ResponseWriter, r *http.Request) error {
	return lines(w, r, func(ctx context.Context, visit func(place.Entry) error) error {
		l, ok := place.As[place.Lister](p.source)
		if !ok {
			return place.ErrUnsupported
		}
		return l.List(ctx, visit)
	})
}

func (p *served) listReferrers(w http.ResponseWriter, r *http.Request) error {
	return lines(w, r, func(ctx context.Context, visit func(place.Entry) error) error {
		if l, ok := place.As[place.ReferrerLister](p.source); ok {
			return l.ListReferrers(ctx, visit)
		}
		return nil
	})
}

// lines answers with entries, a line each, and with how it ended.
func lines(w http.ResponseWriter, r *http.Request, list func(context.Context, func(place.Entry) error) error) error {
	enc := json.NewEncoder(w)
	err := list(r.Context(), func(e place.Entry) error {
		l := listLine{Name: e.Name}
		if e.Root.Digest.Hex != "" {
			l.Root = &e.Root
		}
		return enc.Encode(l)
	})
	end := listLine{Done: err == nil}
	if err != nil {
		end.Failed = failed(err)
	}
	_ = enc.Encode(end) // who does not read it has gone
	return nil
}

func (p *served) referrers(w http.ResponseWriter, r *http.Request) error {
	var q blobQuestion
	if err := readDoc(r.Body, maxDocBytes, &q); err != nil {
		return err
	}
	var a blobsDoc
	if from, ok := place.As[place.Referrer](p.source); ok {
		var err error
		if a.Blobs, err = from.Referrers(r.Context(), q.Blob); err != nil {
			return err
		}
	}
	return answerDoc(w, a)
}

func (p *served) lacks(w http.ResponseWriter, r *http.Request) error {
	var q blobsDoc
	if err := readDoc(r.Body, maxPlanBytes, &q); err != nil {
		return err
	}
	var a blobsDoc
	if from, ok := place.As[place.Lacker](p.source); ok {
		var err error
		if a.Blobs, err = from.Lacks(r.Context(), q.Blobs); err != nil {
			return err
		}
	}
	return answerDoc(w, a)
}
