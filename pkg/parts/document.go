package parts

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Type is the media type of the document. The number in it is its version.
const Type = "application/vnd.dray.parts.v1+json"

// maxDocumentBytes bounds what is read of a document: of 256 parts with the longest
// names that a file can have it has 120 KB.
const maxDocumentBytes = 1 << 20

// A Document describes a set: docs/formats.md.
type Document struct {
	MediaType string `json:"mediaType"` // Type
	Name      string `json:"name"`      // of the file that the parts make up
	Size      int64  `json:"size"`      // of that file, in bytes
	SHA256    string `json:"sha256"`    // of that file, in hexadecimal
	PartSize  int64  `json:"partSize"`  // of each part but the last
	Parts     []Part `json:"parts"`
	Parity    []Part `json:"parity,omitempty"`
}

// A Part is one file of a set.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Parse reads a document, which may be anything. Its error wraps place.ErrInvalid,
// or place.ErrUnsupported if it is of another version.
func Parse(raw []byte) (*Document, error) {
	d := new(Document)
	if err := manifest.Decode(raw, d); err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	if d.MediaType != Type && d.MediaType != "" {
		return nil, fmt.Errorf("it is %.100q, not %s: %w", d.MediaType, Type, place.ErrUnsupported)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	return d, nil
}

func (d *Document) check() error {
	if d.MediaType == "" {
		return fmt.Errorf("it has no mediaType, which would be %s", Type)
	}
	if d.Name == "" || d.Name == "." || strings.ContainsAny(d.Name, "/\\") || strings.ContainsFunc(d.Name, unicode.IsControl) {
		return fmt.Errorf("%.100q is no name of a file", d.Name)
	}
	if d.PartSize < 1 {
		return fmt.Errorf("parts of %d bytes", d.PartSize)
	}
	c := d.Cut()
	if err := c.Check(len(d.Parity)); err != nil {
		return err
	}
	if len(d.Parts) != c.Count() {
		return fmt.Errorf("%d parts are listed, and %d bytes make %d", len(d.Parts), d.Size, c.Count())
	}
	err := checkSum(d.SHA256)
	for i, p := range d.Parts {
		err = errors.Join(err, p.check(Name(d.Name, i), c.Len(i)))
	}
	for i, p := range d.Parity {
		err = errors.Join(err, p.check(ParityName(d.Name, i), c.ParityLen()))
	}
	return err
}

func (p Part) check(name string, size int64) error {
	switch {
	case p.Name != name:
		return fmt.Errorf("a part is called %.100q, not %.100q", p.Name, name)
	case p.Size != size:
		return fmt.Errorf("%.100q has %d bytes, not %d", p.Name, p.Size, size)
	}
	return checkSum(p.SHA256)
}

func checkSum(s string) error {
	if raw, err := hex.DecodeString(s); err != nil || len(raw) != 32 || strings.ToLower(s) != s {
		return fmt.Errorf("%.100q is no SHA-256 in lower case", s)
	}
	return nil
}

// Cut returns how the file is cut.
func (d *Document) Cut() Cut { return Cut{Size: d.Size, Part: d.PartSize} }

// Read reads the document at path, and returns the path of the file that its
// parts make up: what they are called goes by the name of the document, so that a
// set that was renamed as a whole is read too. The error wraps place.ErrNotFound
// if there is no document.
func Read(path string) (d *Document, file string, err error) {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", &noDocumentError{path, err}
	case err != nil:
		return nil, "", err
	case !fi.Mode().IsRegular():
		return nil, "", fmt.Errorf("%s is no regular file: %w", path, place.ErrInvalid)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxDocumentBytes+1))
	if err != nil {
		return nil, "", err
	}
	if len(raw) > maxDocumentBytes {
		return nil, "", fmt.Errorf("%s: more than %d bytes: %w", path, maxDocumentBytes, place.ErrInvalid)
	}
	if d, err = Parse(raw); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	file = strings.TrimSuffix(path, Suffix)
	if strings.HasSuffix(d.Name, ".tar") {
		file += ".tar"
	}
	return d, file, nil
}

// Write writes the document to path, which it replaces.
func (d *Document) Write(path string) error {
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
