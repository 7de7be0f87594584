package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxJournalBytes is what is read of a journal: the lines of some 3 TiB.
const maxJournalBytes = 64 << 20

// A journal is a file that says how many bytes of each blob are in place:
//
//	dray archive journal 1 DIGEST-OF-THE-DRAWING
//	sha256:… 4194304
//
// The last line of a blob counts. Lines that make no sense, such as one that a
// killed run did not finish, are passed over: whatever is said here is checked
// against the digests in the end.
type journal struct {
	offsets   map[v1.Hash]int64 // what stood in it when it was opened
	continued bool              // as opposed to begun anew

	mu sync.Mutex
	f  *os.File
}

// openJournal opens the journal at path. Unless it is for drawing, and
// mayContinue, it begins anew.
func openJournal(path, drawing string, mayContinue bool) (*journal, error) {
	f, err := openOurs(path)
	if err != nil {
		return nil, err
	}
	j := &journal{offsets: map[v1.Hash]int64{}, f: f}
	if err := j.begin(drawing, mayContinue); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return j, nil
}

// journalHead stands before the digest of the drawing in the first line.
const journalHead = "dray archive journal 1 "

func (j *journal) begin(drawing string, mayContinue bool) error {
	raw, err := io.ReadAll(io.LimitReader(j.f, maxJournalBytes))
	if err != nil {
		return err
	}
	if mayContinue && j.read(raw, drawing) {
		j.continued = true
		// Part from a line that was not finished.
		_, err = j.f.WriteString("\n")
		return err
	}
	head := journalHead + drawing
	_, err = j.f.WriteAt([]byte(head+"\n"), 0)
	if err == nil {
		err = j.f.Truncate(int64(len(head) + 1))
	}
	if err == nil {
		_, err = j.f.Seek(0, io.SeekEnd)
	}
	return err
}

// read takes in what a journal says, if it is for drawing.
func (j *journal) read(raw []byte, drawing string) bool {
	first, raw, ok := bytes.Cut(raw, []byte("\n"))
	if !ok || string(first) != journalHead+drawing {
		return false
	}
	for line := range bytes.Lines(raw) {
		digest, number, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
		h, err := v1.NewHash(digest)
		n, nerr := strconv.ParseInt(number, 10, 64)
		if err == nil && nerr == nil && n >= 0 {
			j.offsets[h] = n
		}
	}
	return true
}

// record writes down that the first n bytes of h are in place.
func (j *journal) record(h v1.Hash, n int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := fmt.Fprintf(j.f, "%s %d\n", h, n)
	return err
}

func (j *journal) close() error { return j.f.Close() }

func (j *journal) remove() error {
	return errors.Join(j.f.Close(), os.Remove(j.f.Name()))
}
