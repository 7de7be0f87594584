package binfmt_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/dray-oci/dray/arch/verify/binfmt"
)

// aarch64 and s390x are as qemu-user-static registers them.
const (
	aarch64 = "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\n" +
		"magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n"
	s390x = "enabled\ninterpreter /usr/bin/qemu-s390x\nflags: \noffset 0\n" +
		"magic 7f454c4602020100000000000000000000020016\nmask ffffffffffffff00fffffffffffffffffffeffff\n"
	python = "enabled\ninterpreter /usr/bin/python3\nflags: \noffset 0\nmagic 550d0d0a\n"
	jar    = "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n"
)

func system(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[binfmt.Dir+"/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestFor(t *testing.T) {
	handlers, err := binfmt.Read(system(map[string]string{
		"status": "enabled\n", "register": "", "renamed": aarch64, "qemu-s390x": s390x,
		"python3.11": python, "jar": jar, "qemu-arm": "disabled\n" + aarch64[len("enabled\n"):], "broken": "magic xyz",
	}))
	if err != nil || len(handlers) != 6 {
		t.Fatalf("%+v, %v", handlers, err)
	}
	for architecture, want := range map[string]string{"arm64": "renamed true", "s390x": "qemu-s390x false", "amd64": " false", "arm": " false", "wasm": " false"} {
		h, ok := binfmt.For(handlers, architecture)
		if got := fmt.Sprint(h.Name, " ", h.WorksInContainers()); got != want || ok != (h.Name != "") {
			t.Errorf("%s: %s, want %s", architecture, got, want)
		}
	}
}

func TestReadNothing(t *testing.T) {
	if h, err := binfmt.Read(system(map[string]string{"status": "disabled\n", "qemu-aarch64": aarch64})); err != nil || h != nil {
		t.Errorf("%v, %v", h, err)
	}
	if h, err := binfmt.Read(fstest.MapFS{}); !errors.Is(err, binfmt.ErrUnknown) || h != nil {
		t.Errorf("%v, %v", h, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(aarch64, []byte("\x7fELF"))
	f.Add(jar, []byte{})
	f.Fuzz(func(t *testing.T, text string, header []byte) {
		handlers, err := binfmt.Read(system(map[string]string{"status": "enabled", "x": text}))
		if err != nil || len(handlers) != 1 {
			t.Fatal(handlers, err)
		}
		handlers[0].Handles(header)
	})
}

func Example() {
	handlers, err := binfmt.Read(system(map[string]string{"status": "enabled", "qemu-aarch64": aarch64}))
	h, ok := binfmt.For(handlers, "arm64")
	fmt.Println(h.Name, ok, err)
	// Output: qemu-aarch64 true <nil>
}
