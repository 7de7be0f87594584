// Gen makes the OCI image layout testdata/hello: one image for three platforms,
// each with a static program of about thirty bytes of machine code, written
// down by hand so that it takes nothing but Go to make them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("o", "hello", "the `folder` to write the layout to; what it held is removed")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	files, err := hello()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return files.write(dir)
}

// write puts every file of the layout under dir.
func (l layout) write(dir string) error {
	for name, data := range l {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
