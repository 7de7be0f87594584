package memo

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func write(t *testing.T, path, content string) fs.FileInfo {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return stat(t, path)
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

func TestVerified(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("files are not told apart here")
	}
	memo, path := filepath.Join(t.TempDir(), "memo"), filepath.Join(t.TempDir(), "file")
	old := write(t, path, "content")
	v := NewVerified(memo)
	v.Put(old, "sha256:1")
	if err := v.Save(); err != nil {
		t.Fatal(err)
	}
	v = NewVerified(memo)
	if !v.Is(stat(t, path), "sha256:1") {
		t.Error("it is not remembered")
	}
	if v.Is(stat(t, path), "sha256:2") || v.Is(stat(t, filepath.Dir(path)), "sha256:1") {
		t.Error("something else is remembered too")
	}
	// A change that leaves size and time as they are, until the clock has moved on.
	for deadline := time.Now().Add(10 * time.Second); v.Is(stat(t, path), "sha256:1"); {
		if err := os.Chmod(path, 0o400); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("it is remembered after a change")
		}
	}
	var none *Verified
	none.Put(old, "sha256:1")
	if none.Is(old, "sha256:1") || none.Save() != nil {
		t.Error("nothing remembers")
	}
}

// TestUnsettled: of a file whose clock ticks slowly, or wrongly, nothing is
// remembered that another change would not contradict.
func TestUnsettled(t *testing.T) {
	whole := time.Now().Truncate(time.Second)
	for name, tt := range map[string]struct {
		changed time.Time
		want    bool
	}{
		"now":                   {time.Now(), true},
		"this second":           {whole, false},
		"some seconds ago":      {whole.Add(-10 * time.Second), true},
		"in the future":         {time.Now().Add(time.Hour), false},
		"at a future's seconds": {whole.Add(time.Hour), false},
	} {
		if got := (identity{changed: tt.changed}).settled(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
