package cstorage_test

import (
	"errors"
	"fmt"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/cstorage"
)

func Example() {
	_, err := cstorage.New(cstorage.Options{Command: []string{"/nowhere/podman"}})
	fmt.Println(errors.Is(err, place.ErrUnavailable))
	// Output: true
}
