package ui_test

import (
	"fmt"
	"io"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
)

func Example() {
	s, out, _ := ui.Buffers("")
	images := []struct{ Name, Size string }{{"alpine:3.20", ui.Size(3_623_807)}, {"debian:12", ui.Size(48_500_000)}}
	format, err := ui.ParseFormat("text")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = ui.PrintList(s, format, images, func(w io.Writer) error {
		var rows [][]string
		for _, i := range images {
			rows = append(rows, []string{i.Name, i.Size})
		}
		return ui.Table(w, []string{"NAME", "SIZE"}, rows)
	})
	fmt.Print(out)
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// NAME          SIZE
	// alpine:3.20   3.62MB
	// debian:12     48.5MB
}
