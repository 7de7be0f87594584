package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The test binary plays the credential helpers too: linked as docker-credential-NAME.
func TestMain(m *testing.M) {
	base := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	if name, ok := strings.CutPrefix(base, "docker-credential-"); ok {
		os.Exit(fakeHelper(name, os.Args[1:]))
	}
	os.Exit(m.Run())
}

const helperSecret = "hunter2-from-helper"

func fakeHelper(name string, args []string) int {
	if len(args) != 1 {
		fmt.Println("want one argument")
		return 2
	}
	in, _ := io.ReadAll(os.Stdin)
	switch name {
	case "ok":
		fmt.Printf(`{"ServerURL":%q,"Username":"user of %s","Secret":%q}`, in, in, helperSecret)
	case "token":
		fmt.Printf(`{"Username":"<token>","Secret":%q}`, helperSecret)
	case "empty":
		fmt.Print(`{"Username":"","Secret":""}`)
	case "broken":
		fmt.Println("keychain is locked")
		return 1
	case "leaky":
		fmt.Printf(`{"Secret":%q`, helperSecret)
		fmt.Fprintln(os.Stderr, "see above")
		return 1
	case "echo":
		var s stored
		_ = json.Unmarshal(in, &s)
		fmt.Println("cannot store", s.Secret)
		return 1
	case "garbage":
		fmt.Print("<html>" + helperSecret)
	case "flood":
		fmt.Print(strings.Repeat("x", 2*maxHelperBytes))
	case "slow":
		time.Sleep(time.Hour)
	default:
		return keepingHelper(args[0], in)
	}
	return 0
}

// keepingHelper keeps what it is given in files, and a line of its runs.
func keepingHelper(action string, in []byte) int {
	dir := os.Getenv("FAKE_HELPER_DIR")
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 3
	}
	fmt.Fprintln(log, action)
	path := func(server string) string { return filepath.Join(dir, url.QueryEscape(server)) }
	switch action {
	case "store":
		var s stored
		if json.Unmarshal(in, &s) != nil || os.WriteFile(path(s.ServerURL), in, 0o600) != nil {
			return 4
		}
	case "get":
		b, err := os.ReadFile(path(string(in)))
		if err != nil {
			fmt.Println(helperHasNone)
			return 1
		}
		os.Stdout.Write(b)
	case "erase":
		if os.Remove(path(string(in))) != nil {
			return 5
		}
	}
	return 0
}

// helpers puts the named helpers on an otherwise empty PATH and returns the folder in which
// "keep" keeps things.
func helpers(t *testing.T, names ...string) string {
	t.Helper()
	bin, kept := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(bin, "docker-credential-"+name+filepath.Ext(self))
		if filepath.Ext(self) != ".exe" {
			path = filepath.Join(bin, "docker-credential-"+name)
		}
		if err := os.Symlink(self, path); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("FAKE_HELPER_DIR", kept)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else each run of a helper sleeps a second
	return kept
}

// warnings collects what is told.
type warnings struct {
	mu   sync.Mutex
	errs []error
}

func (w *warnings) warn(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// only fails unless there was exactly one warning with these words, and a hint.
func (w *warnings) only(t *testing.T, words string) {
	t.Helper()
	if len(w.errs) != 1 || !strings.Contains(w.errs[0].Error(), words) {
		t.Fatalf("warnings: %v; want one with %q", w.errs, words)
	}
	if h, ok := w.errs[0].(interface{ Hint() string }); !ok || h.Hint() == "" {
		t.Errorf("no hint: %v", w.errs[0])
	}
}

func (w *warnings) none(t *testing.T) {
	t.Helper()
	if len(w.errs) > 0 {
		t.Errorf("warnings: %v", w.errs)
	}
}

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// at returns options whose every place lies below home; system configuration in etc.
func at(home string, w *warnings) Options {
	return Options{
		Home:               home,
		ConfigHome:         filepath.Join(home, ".config"),
		ContainersAuthFile: filepath.Join(home, "run", "containers", "auth.json"),
		SystemDir:          filepath.Join(home, "etc"),
		Warn:               w.warn,
	}
}

func mustNotContain(t *testing.T, where string, b []byte, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if bytes.Contains(b, []byte(s)) {
			t.Errorf("%s shows a secret: %s", where, b)
		}
	}
}
