package parts

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
)

// Describe returns the document of the set that f is, whose file is called name:
// without parity. It reads everything once, and hashes it twice, at once: for its
// part and for the whole. It emits Work.
func (f *Files) Describe(ctx context.Context, name string, events event.Handler) (*Document, error) {
	name = filepath.Base(name)
	d := &Document{MediaType: Type, Name: name, Size: f.Size, PartSize: f.Part}
	whole := sha256.New()
	worker := &worker{events: events, text: "summing parts", total: f.Size}
	for i, file := range f.files {
		if file == nil {
			return nil, fmt.Errorf("part %d is not here", i+1)
		}
		part := sha256.New()
		w := io.MultiWriter(twin{part, whole}, worker)
		if err := copyAll(ctx, w, io.NewSectionReader(file, 0, f.Len(i)), f.Len(i)); err != nil {
			return nil, err
		}
		d.Parts = append(d.Parts, Part{Name: Name(name, i), Size: f.Len(i), SHA256: hexSum(part)})
	}
	d.SHA256 = hexSum(whole)
	return d, nil
}

// Sum reads part i, which is here, and returns its SHA-256 in hexadecimal.
func (f *Files) Sum(ctx context.Context, i int) (string, error) {
	sum := sha256.New()
	err := copyAll(ctx, sum, io.NewSectionReader(f.files[i], 0, f.Len(i)), f.Len(i))
	return hexSum(sum), err
}

// SumFile returns the SHA-256 of the regular file at path, in hexadecimal.
func SumFile(ctx context.Context, path string) (string, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !fi.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = blob.Copy(ctx, sum, f)
	return hexSum(sum), err
}

// copyAll copies the size bytes that r is to have.
func copyAll(ctx context.Context, w io.Writer, r io.Reader, size int64) error {
	n, err := blob.Copy(ctx, w, r)
	if err == nil && n != size {
		err = fmt.Errorf("%d of %d bytes are there: %w", n, size, io.ErrUnexpectedEOF)
	}
	return err
}

// A worker tells how far work has come.
type worker struct {
	events   event.Handler
	text     string
	n, total int64
}

func (w *worker) Write(b []byte) (int, error) {
	w.n += int64(len(b))
	w.events.Emit(event.Event{Kind: event.Work, Text: w.text, N: w.n, Total: w.total})
	return len(b), nil
}

// A twin hashes what is written to it in two ways at once.
type twin struct{ a, b hash.Hash }

func (t twin) Write(b []byte) (int, error) {
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = t.a.Write(b) }) // never fails: hash.Hash
	n, err := t.b.Write(b)
	wg.Wait()
	return n, err
}
