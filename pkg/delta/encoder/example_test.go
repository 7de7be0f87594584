package encoder_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/delta/encoder"
)

func ExampleFind() {
	ctx := context.Background()
	tar := strings.Repeat("a layer ", 1000)
	var layer bytes.Buffer
	w, _ := compress.NewWriter(&layer, compress.Zstd)
	_, _ = w.Write([]byte(tar))
	_ = w.Close()

	r, err := encoder.Find(ctx, blob.Bytes(layer.Bytes()), int64(layer.Len()), encoder.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var again bytes.Buffer
	err = r.Encode(ctx, &again, strings.NewReader(tar), r.Size, 0)
	fmt.Println(r.Encoder, r.Size, bytes.Equal(layer.Bytes(), again.Bytes()), err)
	// Output: zstd-kp1.17/default 8000 true <nil>
}
