package blob

import (
	_ "crypto/sha256" // digests that NewVerifier accepts
	_ "crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ErrMismatch is wrapped by every error that says content is not what its
// descriptor promised: another size or another digest. It never satisfies
// errors.Is(err, io.EOF).
var ErrMismatch = errors.New("content does not match its descriptor")

// A SizeError says that a document is larger than anything of its kind may be.
type SizeError struct {
	Digest v1.Hash
	Size   int64 // bytes announced or seen
	Max    int64 // bytes allowed
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s is %d bytes, more than the %d allowed", e.Digest, e.Size, e.Max)
}

// A Verifier is a writer that holds what is written against a descriptor.
// It is not safe for concurrent use.
type Verifier struct {
	want v1.Descriptor
	hash hash.Hash
	n    int64
}

// NewVerifier returns a Verifier for d. It fails for digest algorithms other
// than sha256 and sha512, and for a negative size.
func NewVerifier(d v1.Descriptor) (*Verifier, error) {
	if d.Size < 0 {
		return nil, fmt.Errorf("%s: negative size %d", d.Digest, d.Size)
	}
	h, err := v1.Hasher(d.Digest.Algorithm)
	if err != nil {
		return nil, err
	}
	return &Verifier{want: d, hash: h}, nil
}

// Write takes p into account. It fails as soon as there are more bytes than
// the descriptor allows.
func (v *Verifier) Write(p []byte) (int, error) {
	if err := v.count(len(p)); err != nil {
		return 0, err
	}
	return v.hash.Write(p)
}

func (v *Verifier) count(n int) error {
	v.n += int64(n)
	if v.n > v.want.Size {
		return fmt.Errorf("%s: more than %d bytes: %w", v.want.Digest, v.want.Size, ErrMismatch)
	}
	return nil
}

// N returns how many bytes were written.
func (v *Verifier) N() int64 { return v.n }

// Check returns nil if exactly the promised bytes were written.
func (v *Verifier) Check() error {
	if v.n != v.want.Size {
		return fmt.Errorf("%s: %d of %d bytes: %w", v.want.Digest, v.n, v.want.Size, ErrMismatch)
	}
	if got := hex.EncodeToString(v.hash.Sum(nil)); got != v.want.Digest.Hex {
		return fmt.Errorf("%s: digest is %s:%s: %w", v.want.Digest, v.want.Digest.Algorithm, got, ErrMismatch)
	}
	return nil
}

// Verify returns a reader of rc that ends with io.EOF only if exactly the bytes
// that d promises were read; otherwise it ends with an error that wraps
// [ErrMismatch]. It reads at most one byte beyond d.Size. Closing it closes rc.
func Verify(rc io.ReadCloser, d v1.Descriptor) io.ReadCloser {
	v, err := NewVerifier(d)
	return &verifyReader{rc: rc, v: v, err: err}
}

type verifyReader struct {
	rc  io.ReadCloser
	v   *Verifier
	err error
}

func (r *verifyReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	// One byte more than promised is enough to see that there is more.
	if left := r.v.want.Size - r.v.n; int64(len(p))-1 > left {
		p = p[:left+1]
	}
	n, err := r.rc.Read(p)
	if n > 0 {
		if _, werr := r.v.Write(p[:n]); werr != nil {
			r.err = werr
			return 0, werr
		}
	}
	if errors.Is(err, io.EOF) {
		if cerr := r.v.Check(); cerr != nil {
			err = cerr
		}
	}
	r.err = err
	return n, err
}

func (r *verifyReader) Close() error { return r.rc.Close() }

// Discard reads and drops exactly n bytes of r: what an opener does that
// cannot start at an offset.
func Discard(r io.Reader, n int64) error {
	if got, err := io.CopyN(io.Discard, r, n); err != nil {
		return fmt.Errorf("skipping to offset %d: ended after %d bytes: %w", n, got, io.ErrUnexpectedEOF)
	}
	return nil
}
