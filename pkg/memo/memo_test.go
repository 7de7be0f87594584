package memo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/memo"
)

func save(t *testing.T, m *memo.Memo) {
	t.Helper()
	if err := m.Save(); err != nil {
		t.Fatal(err)
	}
}

func TestMemo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", "memo")
	m := memo.New(path)
	if got := m.Get("a"); got != "" {
		t.Errorf("an empty one says %q", got)
	}
	m.Put("a", "1")
	m.Put("b", "2\t3")
	m.Put("a", "4")
	save(t, m)
	other := memo.New(path)
	other.Put("c", "5")
	save(t, other)
	m.Put("d", "6") // has not seen c
	save(t, m)
	again := memo.New(path)
	again.Put("b", "7")
	for key, want := range map[string]string{"a": "4", "b": "7", "c": "5", "d": "6", "e": ""} {
		if got := again.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	left, err := filepath.Glob(path + ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %q, %v", left, err)
	}
}

func TestMemoIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memo")
	m := memo.New(path)
	for i := range 5000 {
		m.Put(fmt.Sprint("key", i), "value")
	}
	m.Put("long", strings.Repeat("x", 1000))
	m.Put("two\nlines", "x")
	m.Put("line", "x\ninjected\tx")
	save(t, m)
	raw, err := os.ReadFile(path)
	if err != nil || strings.Count(string(raw), "\n") != 4096 {
		t.Errorf("%d lines, %v", strings.Count(string(raw), "\n"), err)
	}
	again := memo.New(path)
	for key, want := range map[string]string{"key0": "", "key4999": "value", "long": "", "injected": "", "line": ""} {
		if got := again.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestMemoOfNonsense(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memo")
	nonsense := "a\t1\nno tab\n\x00\xff\tx\n" + strings.Repeat("y", 10_000) + "\nb\t2\n"
	if err := os.WriteFile(path, []byte(nonsense), 0o600); err != nil {
		t.Fatal(err)
	}
	m := memo.New(path)
	if m.Get("a") != "1" {
		t.Error("what comes before the nonsense is lost")
	}
	m.Put("c", "3")
	save(t, m)
	if memo.New(path).Get("c") != "3" {
		t.Error("it cannot be written over")
	}
}

func TestNoMemo(t *testing.T) {
	var none *memo.Memo
	for _, m := range []*memo.Memo{none, memo.New("")} {
		m.Put("a", "1")
		save(t, m)
	}
	if none.Get("a") != "" {
		t.Error("nothing remembers")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := memo.New(filepath.Join(file, "memo"))
	m.Put("a", "1")
	if err := m.Save(); err == nil {
		t.Error("saved below a file")
	}
}

func ExampleMemo() {
	m := memo.New("") // without a file, for as long as it is held
	m.Put("colour", "green")
	fmt.Println(m.Get("colour"))
	// Output: green
}
