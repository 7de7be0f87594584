package serve

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// Bounds on a file of users: more cost would take seconds for each new client.
const (
	maxUsers    = 10_000
	maxLineSize = 1024
	maxCost     = 15
)

// Users are who may ask for anything, with their passwords. They are safe for
// concurrent use.
type Users struct {
	hashes  map[string][]byte
	nobody  []byte        // the hash that a name which is not there is tried against
	hashing chan struct{} // as bcrypt is made to be slow, only so many at once
	key     []byte

	mu    sync.Mutex
	known map[[sha256.Size]byte]bool // names and passwords that were right
}

// ReadUsers reads a file of lines NAME:HASH, as "htpasswd -B" writes it. Blank
// lines, and those that begin with #, are comments. Hashes are of bcrypt alone.
func ReadUsers(r io.Reader) (*Users, error) {
	u := &Users{
		hashes: map[string][]byte{}, known: map[[sha256.Size]byte]bool{},
		hashing: make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1)), key: make([]byte, sha256.Size),
	}
	if _, err := rand.Read(u.key); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLineSize)
	for i := 1; lines.Scan(); i++ {
		if err := u.add(strings.TrimSpace(lines.Text())); err != nil {
			return nil, fmt.Errorf("line %d: %w", i, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(u.hashes) == 0 {
		return nil, errors.New("there are no users in it")
	}
	return u, nil
}

func (u *Users) add(line string) error {
	if line == "" || line[0] == '#' {
		return nil
	}
	name, hash, ok := strings.Cut(line, ":")
	_, twice := u.hashes[name]
	switch {
	case !ok || name == "":
		return errors.New("it is not NAME:HASH")
	case twice:
		return fmt.Errorf("%.100q is there twice", name)
	case len(u.hashes) >= maxUsers:
		return fmt.Errorf("more than %d users", maxUsers)
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil {
		return fmt.Errorf("the password of %.100q is not hashed by bcrypt: write it with htpasswd -B", name)
	}
	if cost > maxCost {
		return fmt.Errorf("the password of %.100q is hashed at cost %d: %d is the most", name, cost, maxCost)
	}
	u.hashes[name], u.nobody = []byte(hash), []byte(hash)
	return nil
}

// authenticate returns who asks, by Basic authentication (RFC 7617).
func (u *Users) authenticate(w *recorder, r *http.Request) (string, error) {
	name, password, ok := r.BasicAuth()
	if ok {
		right, err := u.check(r.Context(), name, password)
		if err != nil || right {
			return name, err
		}
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="dray", charset="UTF-8"`)
	return "", faultf(http.StatusUnauthorized, unauthorized, "a user name and its password are wanted")
}

// check takes the time of one bcrypt for a new name and password, right or wrong,
// there or not, and next to none for what was right before.
func (u *Users) check(ctx context.Context, name, password string) (bool, error) {
	mac := hmac.New(sha256.New, u.key)
	fmt.Fprintf(mac, "%d:%s%s", len(name), name, password)
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	u.mu.Lock()
	known := u.known[sum]
	u.mu.Unlock()
	if known {
		return true, nil
	}
	release, err := acquire(ctx, u.hashing)
	if err != nil {
		return false, err
	}
	defer release()
	hash, there := u.hashes[name]
	if !there {
		hash = u.nobody
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !there {
		return false, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.known[sum] = true // one for each user at most: a name has one password
	return true, nil
}
