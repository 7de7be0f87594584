package tokens_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"

	"github.com/dray-oci/dray/pkg/delta/tokens"
)

func Example() {
	text := strings.Repeat("what a layer unpacks to\n", 1000)
	var blob bytes.Buffer
	z := gzip.NewWriter(&blob)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	// Of a like blob; here of the same one.
	old, hints := make([]byte, len(text)), make([]byte, len(text))
	r := tokens.NewReader(bytes.NewReader(blob.Bytes()))
	for n := 0; n < len(text); {
		k, err := r.Read(old[n:], hints[n:])
		if n += k; err != nil {
			fmt.Println(err)
			return
		}
	}

	var program, again bytes.Buffer
	if err := tokens.Describe(bytes.NewReader(blob.Bytes()), bytes.NewReader(hints), &program); err != nil {
		fmt.Println(err)
		return
	}
	err := tokens.Build(&program, strings.NewReader(text), bytes.NewReader(hints), &again)
	fmt.Println(bytes.Equal(again.Bytes(), blob.Bytes()), err)
	// Output: true <nil>
}
